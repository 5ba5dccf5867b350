"""What ``minunet convert`` takes."""

from minunet.tool.arguments.shared import MODEL_HELP

# Of `minunet.tool.convert.names.NAMINGS` those that are written; the others are read only.
NAMES = ("minunet", "pytorch", "keras")
TEXT = "take weights from another program, or give them to one"
EXAMPLES = """\
minunet convert lgg lgg.safetensors --names pytorch
minunet convert unet.safetensors model.npz   # its names say whose it is
minunet convert lgg lgg.onnx                 # for any program that runs ONNX"""


def add_options(sub):
    """Add the command's options to its parser."""
    sub.add_argument("source", metavar="IN", help=f"{MODEL_HELP}; or a .safetensors file")
    sub.add_argument("out", metavar="OUT", help="the new file: its ending, .npz, .safetensors or "
                     ".onnx, says of which kind")
    sub.add_argument("--names", choices=NAMES, default=NAMES[0], metavar="|".join(NAMES),
                     help="for .safetensors: whose names and order of axes (default: minunet)")
