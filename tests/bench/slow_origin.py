#!/usr/bin/env python3
"""slow_origin.py PORT DELAY: an upstream on 127.0.0.1 that takes DELAY s.

It answers with a sector of the name that a path ends with; /calls says how
often each was asked for.
"""

import asyncio
import json
import sys


async def main(port, delay):
    calls = {}

    async def serve(reader, writer):
        line = await reader.readline()
        while (await reader.readline()).strip():
            pass
        if line:        # else somebody only looked whether we listen
            symbol = line.split()[1].decode().rsplit('/', 1)[-1]
            if symbol == 'calls':
                body = json.dumps(calls)
            else:
                calls[symbol] = calls.get(symbol, 0) + 1
                await asyncio.sleep(delay)
                body = json.dumps({'symbol': symbol, 'name': symbol,
                                   'price': 1.5})
            writer.write((f'HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n'
                          'Content-Type: application/json\r\n'
                          f'Connection: close\r\n\r\n{body}').encode())
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, '127.0.0.1', port)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), float(sys.argv[2])))
