"""Every pin low, and no more: run when the device has ended, however it ended.

A process that is killed cannot lower its pins, and a Raspberry Pi's kernel may leave them as they
are: a buzzer that sounds until somebody pulls the plug.
"""

import sys

from pi.settings import load_settings
from pi.start_signal import StartSignal

if __name__ == "__main__":
    try:
        pins = load_settings().pins
        StartSignal(pins.buzzer, pins.led, None, sounder=pins.sounder).close()
    except (ValueError, OSError, ImportError) as problem:
        print(f"trackstart quiet: {problem}", file=sys.stderr)
        sys.exit(2)
