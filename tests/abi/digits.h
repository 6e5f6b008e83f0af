#ifndef DIGITS_H
#define DIGITS_H
/* Ten handwritten digits, 0 to 9 in order: 8 x 8 pictures of the levels 0 to g (16), row after row. Smaller copies of
 * held-out pictures of models/digits. */
static const char* const kDigits[10] = {
    /* 0 */
    "019e610004eee50019d29c1018b11b50"
    "0781197005c11b8001e8be40019fe810",
    /* 1 */
    "007a1000019e1000007f5000018f9100"
    "0016d2000003e5000015eb51007fggf5",
    /* 2 */
    "02ee300007dd91001897c1000118b100"
    "0018b100001a7100007ffe6001efcc40",
    /* 3 */
    "017egf3005eccf100164ec100016fc20"
    "00016e9100012e91003a9e60007ff810",
    /* 4 */
    "0002c500001aa100018a200005d20340"
    "1c822c911dffff500489ea100014d300",
    /* 5 */
    "03fgfe3002fc740018f5100019fc7100"
    "03ace91000128e2002a6cd1004fff600",
    /* 6 */
    "005d600001ae300001eb100001cb1000"
    "03fc831003fe8b8101ed6ca1007efc20",
    /* 7 */
    "003cf91001bb8e3002c42e500015af60"
    "001bff810006c210001a9100002e5000",
    /* 8 */
    "014ad40007ebac1007d23d3003eaff20"
    "01cfee3001ba2870018b58b1003bff91",
    /* 9 */
    "004b610002dde61006e37e6005ebdf40"
    "018acf1000228e20007aae30003cd710",
};

/* Writes digit d as 32 x 32 bytes, enlarged bilinearly like the pictures the model was trained with. */
static void draw_digit(int d, unsigned char out[32 * 32]) {
  for (int y = 0; y < 32; ++y)
    for (int x = 0; x < 32; ++x) {
      double sum = 0;
      const double v = (y + 0.5) / 4 - 0.5, u = (x + 0.5) / 4 - 0.5;
      const int y0 = v < 0 ? -1 : (int)v, x0 = u < 0 ? -1 : (int)u;
      for (int j = 0; j < 2; ++j)
        for (int i = 0; i < 2; ++i) {
          const int yy = y0 + j < 0 ? 0 : y0 + j > 7 ? 7 : y0 + j, xx = x0 + i < 0 ? 0 : x0 + i > 7 ? 7 : x0 + i;
          const char c = kDigits[d][8 * yy + xx];
          const double wy = j ? v - y0 : 1 - (v - y0), wx = i ? u - x0 : 1 - (u - x0);
          sum += wy * wx * (c >= 'a' ? 10 + c - 'a' : c - '0');
        }
      out[32 * y + x] = (unsigned char)(sum * 255 / 16 + 0.5);
    }
}

#endif
