"""picamera2 imports the preview's library though nothing is previewed; Debian has none of it."""


class PixelFormat:
    """Any format's name is None."""

    def __getattr__(self, name):
        return None


PixelFormat = PixelFormat()
