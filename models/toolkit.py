"""The driver of rknn-toolkit2 is the package's; this finds it in the checkout, for scripts under any interpreter.

See python/ez_rknn_async/_toolkit.py: Toolkit, Job, BuildError.
"""

import importlib.util
import pathlib
import sys

_path = pathlib.Path(__file__).parents[1] / "python" / "ez_rknn_async" / "_toolkit.py"
_spec = importlib.util.spec_from_file_location("ez_rknn_toolkit", _path)
_driver = sys.modules["ez_rknn_toolkit"] = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_driver)

BuildError, Job, Toolkit, ToolkitMissing = _driver.BuildError, _driver.Job, _driver.Toolkit, _driver.ToolkitMissing
