import sys
from pathlib import Path

# The helpers stand beside their tests; importlib mode puts no folder on the path.
sys.path.insert(0, str(Path(__file__).parent))
