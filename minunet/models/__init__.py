"""The models that the package ships: see `checkpoint.find`.

``python -m minunet.models RUN minunet/models/NAME.npz`` makes one of a run's best model, and names
its channels if more words follow: ``T1 FLAIR T1ce``.
"""
