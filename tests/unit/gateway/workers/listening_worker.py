"""A worker that answers every connection with its number, its pid and the last news it heard."""

from __future__ import annotations

import asyncio
import socket
import sys

from huiyan.lifeline import Lifeline


async def main(fd: int) -> None:
    lifeline = await Lifeline.from_fd(fd)
    boot = await lifeline.receive()
    assert boot is not None
    if boot.get("fails"):
        sys.exit(3)
    news = ["none"]

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        import os

        writer.write(f"{boot['worker']} {os.getpid()} {news[-1]}".encode())
        writer.close()

    server = await asyncio.start_server(answer, sock=socket.socket(fileno=boot["listen_fd"]))
    lifeline.send({"type": "serving"})
    async for message in lifeline.messages():
        if message["type"] == "drain":
            break
        news.append(message["type"])
    server.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[sys.argv.index("--lifeline-fd") + 1])))
