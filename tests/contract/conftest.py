"""What has to be true of everything that is posted to Slack is known beside the other tests of sinks."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent.parent / "sinks"))
