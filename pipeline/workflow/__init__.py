"""The whole pipeline as one command: what a file of parameters asks for, and no more than needed.

doit decides what is to be done, by the contents of files and the values of parameters.
"""
