"""A camera beside the lane whose lens and stand are known, as OpenCV projects through it."""

import cv2
import numpy as np

SIZE = (1280, 720)


class Camera:
    """A camera beside the lane, 8.2 m of which fill the picture's width; it knows the truth."""

    def __init__(self, lens, *, yaw=0.0, roll=0.0, pitch=0.0, height=1.0, at=3.0, mirrored=False):
        self.lens, self.mirrored = lens, mirrored
        self.distance = lens.focal_px * 8.2 / SIZE[0]
        a, r, t = np.radians([yaw, roll, pitch])
        turned = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
        tilted = np.array([[1, 0, 0], [0, np.cos(t), -np.sin(t)], [0, np.sin(t), np.cos(t)]])
        rolled = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
        self.turn = rolled @ tilted @ turned
        self.stands = np.array([at - self.distance * np.tan(a), -height, -self.distance])

    def pixel(self, x, up=0.0, near=0.0):
        """(…, 2) px of what is x m along, up m over and near m before the cones' line."""
        x, up, near = np.broadcast_arrays(np.asarray(x, float), up, near)
        world = np.stack([x, -up, -near], -1).reshape(-1, 3)
        vector, _ = cv2.Rodrigues(self.turn)
        seen, _ = cv2.projectPoints(
            world, vector, -self.turn @ self.stands, self.lens.matrix, np.array(self.lens.k)
        )
        seen = seen.reshape(*x.shape, 2)
        return (seen - [SIZE[0] - 1, 0]) * [-1, 1] if self.mirrored else seen

    def in_view(self, up=1.0, near=0.0):
        """Metres of the lane that are seen with what stands over them."""
        x = np.linspace(-1, 7, 81)
        seen = np.stack([self.pixel(x, up, near), self.pixel(x, 0.0, near)])
        return x[((seen >= 0) & (seen < SIZE)).all((0, 2))]

    def cones(self, places=(0, 1, 2.5, 5, 6.5)):
        seen = self.in_view()
        return [
            {"pixel": self.pixel(m).tolist(), "metres": m}
            for m in places
            if seen[0] <= m <= seen[-1]
        ]

    def error_m(self, line, up=1.0, near=0.0):
        """The largest error of the line's metres for what is `up` m over it."""
        x = self.in_view(up, near)
        return np.abs(line.metres(*self.pixel(x, up, near).T) - x).max()

    def photograph(self, plane, per_m, *, x=0.0, up=0.0, picture=None):
        """The picture with something flat that stands upright on the line; (h, w) uint8.

        plane : (h, w) uint8, `per_m` px a metre, its lower left corner x m along and up m over
        the line; it covers what is in `picture`.
        """
        high, wide = plane.shape[0] / per_m, plane.shape[1] / per_m
        around = self.pixel([x, x + wide, x, x + wide], [up, up, up + high, up + high])
        left, top = np.clip(np.floor(around.min(axis=0)).astype(int) - 3, 0, SIZE)
        right, bottom = np.clip(np.ceil(around.max(axis=0)).astype(int) + 4, 0, SIZE)
        fine = 3  # so many rays across each pixel
        offsets = (np.arange(fine) - (fine - 1) / 2) / fine
        u = (np.arange(left, right)[:, None] + offsets).ravel()
        v = (np.arange(top, bottom)[:, None] + offsets).ravel()
        rays = (self.lens.ideal(np.stack(np.meshgrid(u, v), -1)) - self.lens.centre) / (
            self.lens.focal_px
        )
        rays = np.concatenate([rays, np.ones_like(rays[..., :1])], -1) @ self.turn
        reach = -self.stands[2] / rays[..., 2]
        along = self.stands[0] + reach * rays[..., 0]
        over = -(self.stands[1] + reach * rays[..., 1])
        drawn = cv2.remap(
            plane.astype(np.float32),
            ((along - x) * per_m - 0.5).astype(np.float32),
            (plane.shape[0] - (over - up) * per_m - 0.5).astype(np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=-1e4,
        )
        seen = np.full(SIZE[::-1], 105.0) if picture is None else picture.astype(float)
        behind = np.repeat(np.repeat(seen[top:bottom, left:right], fine, 0), fine, 1)
        shown = np.where(drawn >= 0, drawn, behind)
        size = (right - left, bottom - top)
        shown = cv2.resize(shown, (int(size[0]), int(size[1])), interpolation=cv2.INTER_AREA)
        seen[top:bottom, left:right] = shown
        soft = cv2.GaussianBlur(shown, (0, 0), 0.7)[2:-2, 2:-2]
        seen[top + 2 : bottom - 2, left + 2 : right - 2] = soft
        return np.rint(np.clip(seen, 0, 255)).astype(np.uint8)
