"""Looking into a media file without trusting it: sandbox, probe, decode, shots, pictures.

No Django in here. Everything that reads an upload runs in a sandboxed child process.
"""
