"""The models that the package ships: see `checkpoint.find`.

``python -m minunet.models RUN minunet/models/NAME.npz`` makes one of a run's model; see `publish`
there for what may follow.
"""
