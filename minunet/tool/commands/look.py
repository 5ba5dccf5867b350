"""``minunet look``."""

from tqdm import tqdm

from minunet.engine.words import plural
from minunet.tool.look_page import look_page
from minunet.tool.model import model_name, open_model


def run(options):
    """Run the command; give its exit code, if it has one."""
    net, preprocessing, scheme, _ = open_model(options.model)
    with tqdm(desc="looking", unit="map", leave=False, disable=None) as bar:
        file, slices = look_page(net, preprocessing, scheme, model_name(options.model),
                                 options.scan, options.out, options.truth, bar.update)
    print(f"open {file} in a browser: {plural(slices, 'slice')}, "
          f"{file.stat().st_size / 1e6:.1f} MB, nothing else is needed")
