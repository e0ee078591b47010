"""Makes a BitTorrent v2 torrent of a folder with libtorrent and prints its info hash.

usage: create-torrent.py FOLDER    (pieces of 1 MiB, v2 only, as `bitmodel model pack` has them)
"""

import os
import sys

import libtorrent as lt

folder = sys.argv[1].rstrip("/")
files = lt.file_storage()
lt.add_files(files, folder)
torrent = lt.create_torrent(files, 1 << 20, lt.create_torrent_flags_t.v2_only)
lt.set_piece_hashes(torrent, os.path.dirname(folder))
print(lt.torrent_info(torrent.generate()).info_hashes().v2)
