"""Fetches a model with libtorrent, an independent BitTorrent v2 client, from a web seed alone.

usage: libtorrent-seed.py TORRENT SEED-URL FOLDER    (SEED-URL "-": the one that the torrent names)

Prints the info hash that libtorrent computes, then, when every piece has passed libtorrent's own check, "complete".
Python serves as the outside judge only; nothing of bitmodel is written in it.
"""
import sys
import time

import libtorrent as lt

torrent, url, folder = sys.argv[1:]
info = lt.torrent_info(torrent)
print(info.info_hashes().v2.to_bytes().hex(), flush=True)

session = lt.session({
    "listen_interfaces": "127.0.0.1:0",
    "enable_dht": False,
    "enable_lsd": False,
    "enable_upnp": False,
    "enable_natpmp": False,
})
parameters = lt.add_torrent_params()
parameters.ti = info
parameters.save_path = folder
handle = session.add_torrent(parameters)
if url != "-":
    handle.add_url_seed(url)

deadline = time.monotonic() + 60
while not handle.status().is_seeding:
    if time.monotonic() > deadline:
        status = handle.status()
        sys.exit(f"not complete: {status.state} {status.progress:.2f} {status.errc.message()}")
    time.sleep(0.1)
print("complete")
