"""The surface of tumours as STL, which programs for 3-D models open."""

import struct

import numpy as np
from scipy import ndimage

from minunet.engine.files import InputError, replacing
from minunet.tool.report.border import surface

MESH = "report.stl"
# 3-D Slicer reads from the header that x, y, z run to the patient's right, front and head.
HEADER = b"minunet; lengths in mm; SPACE=RAS".ljust(80)
TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def build_mesh(mask, parts, count):
    """Triangles around the tumours of a mask, on the border that is measured.

    Parameters
    ----------
    mask : Mask
        Of a volume.
    parts : ndarray (D, H, W), int
    count : int
        The parts up to this number are tumours; see `tumours.split_tumours`.

    Returns
    -------
    ndarray (T, 3, 3), float64
        For each triangle its corners in mm in the patient, x, y, z; seen from outside they go
        round counter-clockwise.
    """
    boxes, meshes = ndimage.find_objects(parts), [np.empty((0, 3, 3))]
    for number in range(1, count + 1):
        box = boxes[number - 1]
        corners, triangles = surface(parts[box] == number, mask.spacing)
        index = corners / mask.spacing + [side.start for side in box]
        meshes.append(mask.to_patient(index)[triangles])
    return np.concatenate(meshes)


def check_mesh(mask):
    """Raise `InputError` if `mask` is no volume."""
    if not mask.spacing:
        raise InputError(f"{mask.name} does not say how large a voxel is, so it has no surface in "
                         "space; --mesh needs NIfTI")


def write_stl(path, mesh):
    """Write triangles (T, 3, 3) as a binary STL file."""
    a, b, c = mesh.swapaxes(0, 1)
    normal = np.cross(b - a, c - a)
    length = np.linalg.norm(normal, axis=1, keepdims=True)
    rows = np.zeros(len(mesh), TRIANGLE)
    rows["normal"] = normal / np.where(length > 0, length, 1)
    rows["corners"] = mesh
    with replacing(path) as temporary:
        temporary.write_bytes(HEADER + struct.pack("<I", len(mesh)) + rows.tobytes())
