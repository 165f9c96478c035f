"""Training steps (loss, gradient, update) against JAX with Optax and PyTorch, one file a case: cnn, gpt, perceptron.

A case says the same network three times, as each package's users write it, and begins from the same parameters.
``contest`` has what is measured: the step, the peak of memory, and the whole ``fit`` loop against the bare step.
"""
