"""``minunet convert``."""

from pathlib import Path

from minunet.engine import checkpoint
from minunet.engine.files import InputError, check_new
from minunet.tool.convert import onnx_file, tensors
from minunet.unet import UNet

# What these hold is run when it is read, or may be; no file is worth that.
PICKLED = (".pt", ".pth", ".pkl", ".ckpt", ".bin")
KERAS = (".h5", ".hdf5", ".keras")


def run(options):
    """Run the command; give its exit code, if it has one."""
    out = Path(options.out)
    if out.suffix not in (".npz", ".safetensors", ".onnx"):
        raise InputError(f"{out}: of which kind? Its name must end in .npz, .safetensors or .onnx")
    if options.names != "minunet" and out.suffix != ".safetensors":
        raise InputError(f"--names {options.names} is for a .safetensors file, and {out} is none")
    check_new([out])
    net, meta, origin = _read(options.source)
    if out.suffix == ".npz":
        net.save(out, **{name: value for name, value in meta.items() if name != "config"})
    elif out.suffix == ".onnx":
        onnx_file.write(out, net, meta)
    else:
        tensors.write(out, net, meta, options.names)
    count = sum(array.size for array in net.params.values())
    print(f"{out}: {count:,} parameters, depth {net.config['depth']}{origin}")


def _read(source):
    """The network, what is known of it, and a remark on where it comes from."""
    suffix = Path(source).suffix
    if suffix in PICKLED:
        raise InputError(f"{source} may run what it holds when it is read, so minunet does not "
                         "read it; in Python, with PyTorch: from safetensors.torch import "
                         f"save_file; save_file(torch.load('{source}', weights_only=True), "
                         "'weights.safetensors')")
    if suffix in KERAS:
        raise InputError(f"{source} is Keras's own; in Python: from safetensors.numpy import "
                         "save_file; save_file({v.path: v.numpy() for v in model.weights}, "
                         "'weights.safetensors')")
    if suffix == ".onnx":
        raise InputError("minunet writes ONNX files and does not read them")
    if suffix != ".safetensors":
        net, meta = checkpoint.load_model(source, UNet)
        return net, meta, ""
    net, meta, naming, told = tensors.read(source)
    size = meta["preprocessing"]["size"]
    slices = f"slices of {size} × {size} pixels" if size else "slices as large as they are"
    remark = f"; images will be prepared as minunet does it, {slices}, not as it was trained"
    return net, meta, f", names of {naming}{'' if told else remark}"
