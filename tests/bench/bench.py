#!/usr/bin/env python3
"""bench.py: what a hit costs, beside others that serve the same bytes.

CPU time of the server for one request, in rounds that take turns: the server
on core 0, wrk on core 1.  A sample during which anything else used more of the
server's core than FOREIGN is taken again, twice at most; one that is kept all
the same is marked.  Then instructions of one request, by callgrind: the
difference between two runs that differ in the number of requests alone, made
COUNTS times because a JIT does not always do the same.  Then 200 clients that
ask for one cold key.  Every server's answers are compared before they are
measured.

    bench.py FOLDER     writes FOLDER/results.json, .md and .svg

Exits with 0 if all bars that were asked for are passed, with 1 if one is
missed or something fails, with 2 if one could not be measured.

ROUNDS=5, SECONDS=1 (of a sample), CONNECTIONS=32 and ONLY=cpu,instructions,
flight from the environment.  SECTOR_MODULE and NGINX_BIN name ours and nginx.
"""

import asyncio
import gzip
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import zlib

sys.dont_write_bytecode = True

import bench_report     # noqa: E402
from bench_peers import (GZIP, HERE, PATHS, PEERS, UNPACKED, Bench, busy,
                         cpu_seconds, free_ports, get, have,
                         missing)     # noqa: E402

ROUNDS = int(os.environ.get('ROUNDS', 5))
SECONDS = float(os.environ.get('SECONDS', 1))
CONNECTIONS = int(os.environ.get('CONNECTIONS', 32))
ONLY = os.environ.get('ONLY', 'cpu,instructions,flight').split(',')
FOREIGN = .06       # of a core, used by others
FEW, MANY, COUNTS = 200, 3200, 3
CLIENTS, STAMPEDES, DELAY = 200, 10, .05

# What differs with the time of an answer: the envelope's time, what metadata
# says of age, and when a snapshot was made.
TIMES = re.compile(rb'"timestamp":"[^"]*"|"(?:age|ttl)":\d+'
                   rb'|(?<="data":{)"timestamp":\d+,"date":"[^"]*"')

NGINX_PLAIN = ['ours', 'return', 'static', 'static_ofc', 'proxy', 'proxy_ofc',
               'lua', 'srcache']

# (body, encoding): who serves it.  return 200 and srcache have no bytes of a
# compressed answer; the gzip of proxy_cache is nginx's own, made anew for
# each.
ROWS = {
    ('sector', 'plain'): NGINX_PLAIN + ['varnish'],
    ('sector', 'gzip'): ['ours', 'static_ofc', 'proxy', 'lua', 'varnish'],
    ('snapshot', 'plain'): NGINX_PLAIN + ['varnish'],
    ('snapshot', 'gzip'): ['ours', 'static_ofc', 'proxy', 'lua', 'varnish'],
}

COUNTED = {
    ('sector', 'plain'): ['ours', 'return', 'static_ofc', 'proxy', 'lua'],
    ('snapshot', 'plain'): ['ours', 'return', 'static_ofc', 'proxy', 'lua'],
    ('snapshot', 'gzip'): ['ours', 'static_ofc', 'proxy', 'lua'],
}


def config(peer, encoding):
    """Of two that differ in compression alone, the one for an encoding."""
    conf = 'ours_plain' if peer == 'ours' and encoding == 'plain' else peer
    return conf, GZIP if peer == 'proxy' and encoding == 'gzip' else ''


def wrk(port, path, encoding, seconds):
    argv = ['taskset', '-c', '1', 'wrk', '-t1', f'-c{CONNECTIONS}',
            f'-d{max(1, round(seconds))}s']
    if encoding == 'gzip':
        argv += ['-H', 'Accept-Encoding: gzip']
    said = subprocess.run(argv + [f'http://127.0.0.1:{port}{path}'],
                          capture_output=True, text=True, check=True).stdout
    if 'Non-2xx' in said or 'Socket errors' in said:
        raise SystemExit(f'wrk: {said}')
    return int(re.search(r'(\d+) requests in', said)[1])


def sample(server, path, encoding, seconds):
    """One run of wrk: CPU time of a request, and who else was there."""
    processes, port = server
    cpu, core, start = cpu_seconds(processes), busy(0), time.time()
    requests = wrk(port, path, encoding, seconds)
    took = time.time() - start
    cpu = cpu_seconds(processes) - cpu
    return {'cpu_us': cpu / requests * 1e6, 'rps': requests / took,
            'foreign': max(0, (busy(0) - core - cpu) / took)}


def start_all(bench):
    """Every server of ROWS: {(peer, encoding): ([process], port)}."""
    servers = {}
    for (_, encoding), peers in ROWS.items():
        for peer in peers:
            if missing(peer) or (peer, encoding) in servers:
                continue
            if peer == 'varnish':
                p, port = bench.start_varnish(encoding == 'gzip')
                servers[peer, encoding] = ([p], port)
                continue
            processes = []
            if peer == 'srcache':
                processes.append(bench.start_memcached())
            conf, more = config(peer, encoding)
            p, port = bench.start_nginx(peer, more, conf)
            servers[peer, encoding] = (processes + [p], port)
    return servers


def check_answer(bench, port, body, encoding, peer):
    """That a hit is what ours said, but for TIMES; its size as sent."""
    get(port, PATHS[body], encoding, 60)
    status, headers, data = get(port, PATHS[body], encoding, 60)
    said = headers.get('content-encoding', 'plain')
    if status != 200 or said != encoding:
        raise SystemExit(f'{peer}: {status}, {headers}')
    try:
        text = gzip.decompress(data) if encoding == 'gzip' else data
    except (OSError, EOFError, zlib.error) as e:
        raise SystemExit(f'{peer}: its {body} is not gzip: {e}')
    want = TIMES.sub(b'~', bench.vars[body.upper()].encode())
    text = TIMES.sub(b'~', text)
    if text != want:
        at = len(os.path.commonprefix([text, want]))
        raise SystemExit(f'{peer}: its {body}, {encoding}, is not ours from '
                         f'byte {at} on: {text[at:at + 40]}, not '
                         f'{want[at:at + 40]}')
    return len(data)


def check(bench, servers):
    """That all serve the same; the sizes of what they send."""
    got = {}
    for (body, encoding), peers in ROWS.items():
        for peer in peers:
            if (peer, encoding) in servers:
                got[f'{body} {encoding} {peer}'] = check_answer(
                    bench, servers[peer, encoding][1], body, encoding, peer)
    return got


def measure_cpu(bench, results):
    if not have('wrk'):
        results['skipped']['cpu'] = 'wrk'
        return
    servers = start_all(bench)
    results['bytes'] = check(bench, servers)
    rows = [(body, encoding, peer) for (body, encoding), peers in ROWS.items()
            for peer in peers if (peer, encoding) in servers]
    for body, encoding, peer in rows:
        sample(servers[peer, encoding], PATHS[body], encoding, 1)
    samples = {' '.join(row): [] for row in rows}
    for number in range(ROUNDS):
        for body, encoding, peer in rows:
            for _ in range(3):
                s = sample(servers[peer, encoding], PATHS[body], encoding,
                           SECONDS)
                s['noisy'] = s['foreign'] > FOREIGN
                if not s['noisy']:
                    break
            samples[f'{body} {encoding} {peer}'].append(s)
        print(f'round {number + 1} of {ROUNDS}', flush=True)
    results['cpu'] = samples
    for processes, _ in servers.values():
        for p in processes:
            bench.stop(p)


def ask(port, path, encoding, n):
    """n requests on one connection, of the same bytes for every server."""
    def more():
        data = s.recv(65536)
        if not data:
            raise SystemExit(f'{path}: closed before the answer ended')
        return data

    line = 'Accept-Encoding: gzip\r\n' if encoding == 'gzip' else ''
    request = f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{line}\r\n'.encode()
    with socket.create_connection(('127.0.0.1', port), 60) as s:
        for _ in range(n):
            s.sendall(request)
            got = b''
            while b'\r\n\r\n' not in got:
                got += more()
            head, _, body = got.partition(b'\r\n\r\n')
            if head.split()[1:2] != [b'200']:
                raise SystemExit(f'{path}: {head.decode("latin-1")}')
            length = re.search(rb'\r\ncontent-length: (\d+)', head, re.I)
            while (len(body) < int(length[1]) if length
                   else not body.endswith(b'0\r\n\r\n')):
                body += more()


def count(bench, body, encoding, peer, n):
    """Instructions of a whole run of nginx that answers n requests."""
    out = f'{bench.disk}/callgrind.out'
    if os.path.exists(out):     # a run that dies must not leave the last one's
        os.unlink(out)
    conf, more = config(peer, encoding)
    p, port = bench.start_nginx(
        peer, more, conf, single=True,
        before=['valgrind', '-q', '--tool=callgrind',
                f'--callgrind-out-file={out}'])
    check_answer(bench, port, body, encoding, peer)
    ask(port, PATHS[body], encoding, 50)
    ask(port, PATHS[body], encoding, n)
    bench.stop(p)
    if p.returncode != 0 or not os.path.exists(out):
        raise SystemExit(f'{peer}: callgrind ended with {p.returncode}')
    with open(out) as f:
        found = re.search(r'^(?:summary|totals): (\d+)', f.read(), re.M)
    if not found:
        raise SystemExit(f'{peer}: {out} has no sum')
    return int(found[1])


def measure_instructions(bench, results):
    results['instructions'] = {}
    if not have('valgrind'):
        results['skipped']['instructions'] = 'valgrind'
        return
    for (body, encoding), peers in COUNTED.items():
        for peer in peers:
            if missing(peer):
                continue
            row = f'{body} {encoding} {peer}'
            found = results['instructions'][row] = []
            for _ in range(COUNTS):
                few, many = (count(bench, body, encoding, peer, n)
                             for n in (FEW, MANY))
                found.append((many - few) / (MANY - FEW))
            print(f'{row}: {" ".join(f"{x:.0f}" for x in found)} '
                  'instructions', flush=True)


async def stampede(port, warm, path):
    """The times in ms that CLIENTS wait for a cold key, all connected."""
    async def answer(reader):
        head = await reader.readuntil(b'\r\n\r\n')
        if b' 200 ' not in head.split(b'\r\n')[0]:
            raise SystemExit(head)
        length = int(re.search(rb'content-length: (\d+)', head, re.I)[1])
        await reader.readexactly(length)
        return time.monotonic()

    def request(writer, what):
        writer.write(f'GET {what} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n'
                     .encode())

    pairs = []
    for _ in range(CLIENTS):
        reader, writer = await asyncio.open_connection('127.0.0.1', port)
        request(writer, warm)
        await answer(reader)
        pairs.append((reader, writer))
    start = time.monotonic()
    for _, writer in pairs:
        request(writer, path)
    ends = await asyncio.gather(*(answer(reader) for reader, _ in pairs))
    for _, writer in pairs:
        writer.close()
    return sorted((end - start) * 1000 for end in ends)


def measure_flight(bench, results):
    slow, = free_ports(1)
    bench.start([sys.executable, HERE + '/slow_origin.py', str(slow),
                 str(DELAY)], slow, '0,1')
    bench.vars['SLOW'] = slow
    _, port = bench.start_nginx('flight', workers=2, core='0,1')
    servers = {'ours': (port, '/ours/'), 'proxy': (port, '/peer/')}
    if not missing('varnish'):
        _, other = bench.start_varnish(False, slow, '0,1')
        servers['varnish'] = (other, '/')
    flights = {name: [] for name in servers}
    for number in range(STAMPEDES):
        for name, (port, prefix) in servers.items():
            warm = f'{prefix}W{name[:1].upper()}'
            key = f'{name[:1].upper()}{number}'
            get(port, warm)
            times = asyncio.run(stampede(port, warm, prefix + key))
            calls = json.loads(get(slow, '/calls')[2])[key]
            flights[name].append({
                'first': times[0], 'median': times[len(times) // 2],
                'last': times[-1], 'calls': calls})
    results['flight'] = flights


def versions():
    found = {}
    for name, argv in (('nginx', [have('nginx'), '-v']),
                       ('wrk', ['wrk', '-v']),
                       ('varnish', [have('varnishd') or '', '-V']),
                       ('memcached', [have('memcached') or '', '-V']),
                       ('valgrind', ['valgrind', '--version'])):
        try:
            p = subprocess.run(argv, capture_output=True, text=True)
            v = re.search(r'\d+\.\d+[\w.]*', p.stdout + p.stderr)
            found[name] = v[0] if v else '?'
        except OSError:
            pass
    lua = 'libnginx-mod-http-lua'
    p = subprocess.run(['dpkg-query', '-W', '-f', '${Version}', lua],
                       capture_output=True, text=True)
    if p.returncode == 0 and p.stdout:
        found['lua-nginx-module'] = p.stdout
    elif os.path.exists(f'{UNPACKED}/version.{lua}'):
        with open(f'{UNPACKED}/version.{lua}') as f:
            found['lua-nginx-module'] = f.read().strip()
    return found


SIGNALS = [signal.SIGHUP, signal.SIGINT, signal.SIGTERM]


def leave(number, _):
    """Ends what was started: by the finally of main()."""
    sys.exit(128 + number)


def main():
    folder = sys.argv[1]
    if os.cpu_count() < 2:
        raise SystemExit('bench: two cores are needed')
    results = {'date': time.strftime('%F %T %Z'), 'versions': versions(),
               'load': os.getloadavg(), 'cores': os.cpu_count(),
               'rounds': ROUNDS, 'seconds': SECONDS,
               'connections': CONNECTIONS, 'counts': COUNTS, 'only': ONLY,
               'skipped': {p: missing(p) for p in PEERS if missing(p)},
               'names': {name: peer[0] for name, peer in PEERS.items()}}
    bench = Bench(folder)
    for number in SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:      # as nohup does
            signal.signal(number, leave)
    try:
        bench.sizes = bench.bodies()
        results['sizes'] = {' '.join(k): v for k, v in bench.sizes.items()}
        if 'instructions' in ONLY:
            measure_instructions(bench, results)
        if 'cpu' in ONLY:
            measure_cpu(bench, results)
        if 'flight' in ONLY:
            measure_flight(bench, results)
    finally:
        for number in SIGNALS:      # a second one must not leave servers
            signal.signal(number, signal.SIG_IGN)
        bench.end()
    with open(folder + '/results.json', 'w') as f:
        json.dump(results, f, indent=1)
    bench_report.write(folder, results)
    sys.exit(bench_report.verdict(results))


main()
