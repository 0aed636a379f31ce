cat >t.py <<'PY'
import asyncio, multiprocessing, os, sqlite3, ssl, subprocess, threading
from multiprocessing import shared_memory

def main():
    threads = [threading.Thread(target=lambda: sum(range(10000))) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    for method in ("fork", "spawn", "forkserver"):
        with multiprocessing.get_context(method).Pool(2) as pool:
            assert pool.map(abs, range(-5, 5))[0] == 5
    block = shared_memory.SharedMemory(create=True, size=4096)
    block.close()
    block.unlink()
    multiprocessing.Semaphore(2).acquire()
    db = sqlite3.connect("/tmp/a.db")
    db.execute("pragma journal_mode=wal")
    db.execute("create table t(a)")
    db.execute("insert into t values(1)")
    db.commit()
    assert ssl.create_default_context().get_ca_certs() is not None

    async def talk():
        async def answer(_, writer):
            writer.write(b"hi")
            writer.close()
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        reader, _ = await asyncio.open_connection(*server.sockets[0].getsockname())
        assert await reader.read() == b"hi"

    asyncio.run(talk())
    assert subprocess.run(["true"]).returncode == 0
    os.sched_getaffinity(0)
    print("python ok")

if __name__ == "__main__":
    main()
PY
python3 t.py
