"""``minunet predict``."""

from pathlib import Path

from tqdm import tqdm

from minunet.engine import mpi
from minunet.engine.files import InputError
from minunet.engine.words import plural
from minunet.tool.agreement import describe_agreement
from minunet.tool.ensemble import open_mean
from minunet.tool.patient_page import INDEX
from minunet.tool.predict_inputs import is_volume, list_patients
from minunet.tool.predict_pictures import predict_pictures
from minunet.tool.predict_volumes import describe_volume, predict_volumes


def run(options):
    """Run the command; give its exit code, if it has one."""
    models = [options.model, *options.others]
    net, preprocessing, scheme, _ = open_mean(models, options.device)
    inputs = list_patients(options.input)
    volumes = [path for path in inputs if is_volume(path)]
    if volumes and len(volumes) < len(inputs):
        raise InputError(f"{volumes[0]} is a volume and another input is not; predict volumes "
                         "and pictures one after the other")
    if volumes:
        for name, slices, voxels, volume, agreement in predict_volumes(
                net, preprocessing, scheme, volumes, options.out, options.probabilities):
            _say(name, slices, describe_volume(voxels, volume), agreement)
        _point("masks", options.out)
        return
    for name, slices, pixels, agreement in predict_pictures(net, preprocessing, inputs,
                                                            options.out, scheme):
        found = f"{plural(pixels, 'pixel')} of tumour" if pixels else "no tumour found"
        _say(name, slices, found, agreement)
    _point("masks and probabilities", options.out)


def _point(what, out):
    if mpi.first():
        print(f"{what} are in {out}; look at {Path(out) / INDEX}")


def _say(name, slices, found, agreement):
    """Write the line on a patient, above the bar."""
    words = describe_agreement(agreement)
    tqdm.write(f"{name}: {plural(slices, 'slice')}, {found}"
               + f", agrees with its mirror image: {words}" * bool(words))
