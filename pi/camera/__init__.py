"""Pictures with the time of their exposure, from whichever camera there is. Measures nothing.

Every camera is opened with `with` and has the same methods: start(), frame(), recording(), stop().
"""

from pi.camera.live import Camera, VideoFile, Webcam
from pi.camera.raspberry import PiCamera
from pi.camera.ring import Frames, Ring, available_bytes, count_dropped
from pi.camera.video import Video, read_sound, read_video

__all__ = [
    "Camera",
    "Frames",
    "PiCamera",
    "Ring",
    "Video",
    "VideoFile",
    "Webcam",
    "available_bytes",
    "count_dropped",
    "read_sound",
    "read_video",
]
