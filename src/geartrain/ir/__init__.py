"""The intermediate representation: what a program is, without how it is run.

``aval`` says the shape and dtype of a value, ``op`` what can be done to values, ``node`` that it was done to some,
``graph`` collects nodes into a pure program, ``text`` prints it and reads it back, ``interpret`` says what it means.
"""
