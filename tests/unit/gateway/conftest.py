import sys
from pathlib import Path

# The twin of the log is a module beside its tests; importlib mode puts no folder on the path.
sys.path.insert(0, str(Path(__file__).parent))
