#if BX_INSTRUMENTATION
// Bochs' hooks: what a user program executes is counted while it asks for it, by prefetches of addresses that are none.
void count_mark(unsigned what);
void count_instruction(Bit64u address);
extern bool counting;

#define BX_INSTR_BEFORE_EXECUTION(cpu, i)                            \
  do {                                                               \
    if (counting && BX_CPU_THIS_PTR user_pl) count_instruction(RIP); \
  } while (0)
#define BX_INSTR_PREFETCH_HINT(cpu, what, segment, address)                    \
  do {                                                                         \
    if (((address) >> 16) == 0x5eed) count_mark(unsigned((address) & 0xffff)); \
  } while (0)

#define BX_INSTR_INIT_ENV()
#define BX_INSTR_EXIT_ENV()
#define BX_INSTR_INITIALIZE(cpu)
#define BX_INSTR_EXIT(cpu)
#define BX_INSTR_RESET(cpu, type)
#define BX_INSTR_HLT(cpu)
#define BX_INSTR_MWAIT(cpu, address, length, flags)
#define BX_INSTR_DEBUG_PROMPT()
#define BX_INSTR_DEBUG_CMD(command)
#define BX_INSTR_CNEAR_BRANCH_TAKEN(cpu, from, to)
#define BX_INSTR_CNEAR_BRANCH_NOT_TAKEN(cpu, from)
#define BX_INSTR_UCNEAR_BRANCH(cpu, what, from, to)
#define BX_INSTR_FAR_BRANCH(cpu, what, old_cs, from, new_cs, to)
#define BX_INSTR_OPCODE(cpu, i, bytes, length, is32, is64)
#define BX_INSTR_EXCEPTION(cpu, vector, code)
#define BX_INSTR_INTERRUPT(cpu, vector)
#define BX_INSTR_HWINTERRUPT(cpu, vector, cs, address)
#define BX_INSTR_CLFLUSH(cpu, linear, physical)
#define BX_INSTR_CACHE_CNTRL(cpu, what)
#define BX_INSTR_TLB_CNTRL(cpu, what, cr3)
#define BX_INSTR_AFTER_EXECUTION(cpu, i)
#define BX_INSTR_REPEAT_ITERATION(cpu, i)
#define BX_INSTR_LIN_ACCESS(cpu, linear, physical, length, type, rw)
#define BX_INSTR_PHY_ACCESS(cpu, physical, length, type, rw)
#define BX_INSTR_INP(port, length)
#define BX_INSTR_INP2(port, length, value)
#define BX_INSTR_OUTP(port, length, value)
#define BX_INSTR_WRMSR(cpu, register, value)
#define BX_INSTR_VMEXIT(cpu, reason, qualification)
#endif
