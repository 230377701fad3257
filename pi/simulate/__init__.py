"""An athlete, a track and a camera of which everything is known. Touches no device."""

from pi.simulate.backdrop import View
from pi.simulate.body import Athlete
from pi.simulate.captured import find_captures
from pi.simulate.clip import ENDINGS, Clip, simulate_clip
from pi.simulate.film import write_film
from pi.simulate.lanes import LanesClip, simulate_lanes
from pi.simulate.live import SimulatedCamera, SimulatedTrack
from pi.simulate.motion import POSTURES
from pi.simulate.scene import Scene
from pi.simulate.weather import CONDITIONS, Conditions

__all__ = [
    "CONDITIONS",
    "ENDINGS",
    "POSTURES",
    "Athlete",
    "Clip",
    "Conditions",
    "LanesClip",
    "Scene",
    "SimulatedCamera",
    "SimulatedTrack",
    "View",
    "find_captures",
    "simulate_clip",
    "simulate_lanes",
    "write_film",
]
