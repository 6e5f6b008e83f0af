"""The same package under the name of the one whose interface it follows: change nothing but what is installed."""

from ez_rknn_async import *  # noqa: F403
from ez_rknn_async import __all__, __version__  # noqa: F401
