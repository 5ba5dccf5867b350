"""``minunet predict``."""

from pathlib import Path

from tqdm import tqdm

from minunet.engine.files import InputError
from minunet.engine.words import plural
from minunet.tool.model import open_model
from minunet.tool.patient_page import INDEX
from minunet.tool.predict_inputs import is_volume, list_patients
from minunet.tool.predict_pictures import predict_pictures
from minunet.tool.predict_volumes import describe_volume, predict_volumes


def run(options):
    """Run the command; give its exit code, if it has one."""
    net, preprocessing, scheme, _ = open_model(options.model, options.device)
    inputs = list_patients(options.input)
    volumes = [path for path in inputs if is_volume(path)]
    if volumes and len(volumes) < len(inputs):
        raise InputError(f"{volumes[0]} is a volume and another input is not; predict volumes "
                         "and pictures one after the other")
    if volumes:
        for name, slices, voxels, volume in predict_volumes(
                net, preprocessing, scheme, volumes, options.out, options.probabilities):
            tqdm.write(f"{name}: {plural(slices, 'slice')}, {describe_volume(voxels, volume)}")
        print(f"masks are in {options.out}; look at {Path(options.out) / INDEX}")
        return
    for name, slices, pixels in predict_pictures(net, preprocessing, inputs, options.out, scheme):
        found = f"{plural(pixels, 'pixel')} of tumour" if pixels else "no tumour found"
        tqdm.write(f"{name}: {plural(slices, 'slice')}, {found}")
    print(f"masks and probabilities are in {options.out}; look at {Path(options.out) / INDEX}")
