"""The servers that bench.py measures: their files, processes and CPU time.

Every server serves the same bytes under the same URIs: what this module
answered with once.  All listen on 127.0.0.1 and are ended by their pid.
Peers that are not installed are run from where misc/deps.sh unpacks them.
"""

import glob
import os
import random
import re
import shutil
import socket
import subprocess
import time

HERE = os.path.dirname(os.path.abspath(__file__))
UNPACKED = os.path.abspath(os.environ.get('BUILD', 'build') + '/peers')
API = '/api/v1/sectors'
PATHS = {'sector': API + '/XLK', 'snapshot': API + '/snapshot'}
SYMBOLS = ('XLK XLF XLV XLE XLI XLY XLP XLU XLB XLRE XLC SPY '
           'SMH XBI KRE').split()        # those of conf/ours.conf

LUA = ['ndk_http_module', 'ngx_http_lua_module']
SRCACHE = ['ndk_http_module', 'ngx_http_set_misc_module',
           'ngx_http_memc_module', 'ngx_http_srcache_filter_module']

GZIP = 'gzip on; gzip_types application/json;'

# name: what people call it, the modules it needs, the programs beside nginx
PEERS = {
    'ours': ('this module', [], []),
    'return': ('return 200', [], []),
    'static': ('static file', [], []),
    'static_ofc': ('static file, open_file_cache', [], []),
    'proxy': ('proxy_cache', [], []),
    'proxy_ofc': ('proxy_cache, open_file_cache', [], []),
    'lua': ('Lua shared dictionary', LUA, []),
    'srcache': ('srcache, memcached', SRCACHE, ['memcached']),
    'varnish': ('Varnish', [], ['varnishd', 'gcc']),     # it compiles its VCL
}


# What is unpacked finds its libraries, which are those that nobody installed.
os.environ['LD_LIBRARY_PATH'] = ':'.join(
    glob.glob(UNPACKED + '/lib/*-linux-gnu*')
    + glob.glob(UNPACKED + '/usr/lib/*-linux-gnu*')
    + os.environ.get('LD_LIBRARY_PATH', '').split())


def have(program):
    return shutil.which(program, path=f'{os.environ["PATH"]}:/usr/sbin:'
                        f'{UNPACKED}/usr/bin:{UNPACKED}/usr/sbin')


def module(name):
    """The file of a module for nginx, or None."""
    for top in '', UNPACKED:
        path = f'{top}/usr/lib/nginx/modules/{name}.so'
        if os.path.exists(path):
            return path
    return None


def missing(name):
    """What a peer lacks on this machine, or None."""
    _, modules, programs = PEERS[name]
    lacks = ([m for m in modules if not module(m)]
             + [p for p in programs if not have(p)])
    return ', '.join(lacks) or None


def free_ports(n):
    """Ports that nobody listens on now."""
    held = [socket.socket() for _ in range(n)]
    for s in held:
        s.bind(('127.0.0.1', 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def sector(symbol):
    """A sector of the size of a real one; the same in every run."""
    rnd = random.Random(symbol)
    price = round(rnd.uniform(40, 600), 2)
    change = round(price * rnd.uniform(-.02, .02), 2)

    def near(low, high):
        return round(price * rnd.uniform(low, high), 2)

    return (f'{{"symbol":"{symbol}",'
            f'"name":"The {symbol} Select Sector SPDR Fund",'
            f'"longName":"State Street {symbol} Select Sector SPDR Exchange '
            f'Traded Fund Trust of Daily Distributed Units",'
            f'"price":{price},"change":{change},'
            f'"changePercent":{round(100 * change / price, 4)},'
            f'"volume":{rnd.randint(10**6, 10**8)},'
            f'"timestamp":1795208400000,"currency":"USD",'
            f'"marketState":"REGULAR",'
            f'"marketCap":{rnd.randint(10**10, 10**11)},'
            f'"dayHigh":{near(1, 1.02)},"dayLow":{near(.98, 1)},'
            f'"previousClose":{near(.98, 1.02)},'
            f'"fiftyDayAverage":{near(.9, 1.1)},'
            f'"twoHundredDayAverage":{near(.8, 1.2)},'
            f'"fiftyTwoWeekHigh":{near(1.1, 1.3)},'
            f'"fiftyTwoWeekLow":{near(.6, .9)}}}')


def get(port, path, encoding='plain', timeout=5):
    """One GET: status, headers, body."""
    line = 'Accept-Encoding: gzip\r\n' if encoding == 'gzip' else ''
    with socket.create_connection(('127.0.0.1', port), timeout) as s:
        s.sendall(f'GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n'
                  f'Connection: close\r\n{line}\r\n'.encode())
        got = b''
        while chunk := s.recv(65536):
            got += chunk
    head, _, body = got.partition(b'\r\n\r\n')
    lines = head.decode('latin-1').split('\r\n')
    headers = dict(x.lower().split(': ', 1) for x in lines[1:] if ': ' in x)
    if headers.get('transfer-encoding') == 'chunked':
        body = unchunk(body)
    return int(lines[0].split()[1]), headers, body


def unchunk(body):
    out = b''
    while body:
        size, _, body = body.partition(b'\r\n')
        n = int(size, 16)
        if n == 0:
            break
        out, body = out + body[:n], body[n + 2:]
    return out


class Bench:
    """A folder, a RAM disk, the bodies and the processes of one run."""

    def __init__(self, folder):
        disk = '/dev/shm' if os.access('/dev/shm', os.W_OK) else '/tmp'
        self.folder = folder
        self.disk = f'{disk}/sector-bench.{os.getpid()}'
        self.www = self.disk + '/www'
        self.processes = []
        self.vars = {'WWW': self.www, 'PEERS': UNPACKED}
        self.nginx = have(os.environ.get('NGINX_BIN', 'nginx'))
        self.module = os.environ['SECTOR_MODULE']
        self.server_core, self.client_core = '0', '1'
        os.makedirs(folder, exist_ok=True)
        os.makedirs(self.www + '/upstream')
        os.makedirs(self.www + API)
        for symbol in SYMBOLS:
            self.write('upstream/' + symbol, sector(symbol).encode())

    def write(self, name, data):
        with open(f'{self.www}/{name}', 'wb') as f:
            f.write(data)

    def end(self):
        for p in reversed(self.processes):
            if p.poll() is None:
                p.terminate()
        for p in self.processes:
            try:
                p.wait(10)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        shutil.rmtree(self.disk, ignore_errors=True)

    def fill(self, template, name, more):
        """A configuration with what is between @ signs filled in."""
        values = {**self.vars, **more}
        with open(f'{HERE}/conf/{template}') as f:
            text = f.read()
        text = re.sub('@([A-Z_]+)@',
                      lambda m: str(values.get(m[1], m[0])), text)
        path = f'{self.disk}/{name}'
        with open(path, 'w') as f:
            f.write(text)
        return path

    def start(self, argv, port, core):
        p = subprocess.Popen(['taskset', '-c', core] + argv,
                             stdin=subprocess.DEVNULL,
                             stdout=open(self.disk + '/out', 'ab'),
                             stderr=subprocess.STDOUT)
        self.processes.append(p)
        end = time.time() + 30
        while time.time() < end:
            if p.poll() is not None:
                break
            try:
                socket.create_connection(('127.0.0.1', port), 1).close()
                return p
            except OSError:
                time.sleep(.05)
        with open(self.disk + '/out') as f:
            raise SystemExit(f'{argv[0]} did not start:\n{f.read()}')

    def stop(self, p):
        for _ in range(20):     # a signal before epoll_wait() only sets a flag
            p.terminate()
            try:
                p.wait(1)
                break
            except subprocess.TimeoutExpired:
                pass
        else:
            raise SystemExit(f'{" ".join(p.args)} does not end')
        self.processes.remove(p)

    def start_nginx(self, name, gzip='', conf=None, single=False, before=(),
                    workers=1, core=None):
        """Starts an nginx with one configuration: (process, port)."""
        port, = free_ports(1)
        home = f'{self.disk}/{name}{time.time_ns()}'
        os.makedirs(home + '/cache')
        modules = PEERS[name][1] if name in PEERS else []
        loads = [module(m) for m in modules]
        if name in ('ours', 'flight'):
            loads = [self.module]
        main = 'daemon off;'
        if single:
            main += ' master_process off;'
        if os.getuid() == 0:
            main += ' user root;'
        more = {'PORT': port, 'DIR': home, 'CACHE': home + '/cache',
                'MODULES': '\n'.join(f'load_module {x};' for x in loads),
                'MAIN': main, 'GZIP': gzip}
        base = os.path.basename(home)
        more['PEER'] = self.fill((conf or name) + '.conf', base + '.peer',
                                 more)
        path = self.fill('nginx.conf', base + '.conf', more)
        if workers != 1:
            with open(path) as f:
                text = f.read()
            with open(path, 'w') as f:
                f.write(text.replace('worker_processes 1;',
                                     f'worker_processes {workers};'))
        p = self.start(list(before) + [self.nginx, '-e', home + '/error.log',
                                       '-p', home, '-c', path],
                       port, core or self.server_core)
        return p, port

    def start_varnish(self, do_gzip, origin=None, core=None):
        port, admin = free_ports(2)
        name = f'varnish{time.time_ns()}'
        vcl = self.fill('varnish.vcl', name + '.vcl',
                        {'DO_GZIP': 'true' if do_gzip else 'false',
                         'ORIGIN': origin or self.vars['ORIGIN']})
        p = self.start([have('varnishd'), '-F', '-n', f'{self.disk}/{name}',
                        '-a', f'127.0.0.1:{port}', '-f', vcl,
                        '-s', 'malloc,64m', '-T', f'127.0.0.1:{admin}'],
                       port, core or self.server_core)
        return p, port

    def start_memcached(self):
        port, = free_ports(1)
        user = ['-u', 'nobody'] if os.getuid() == 0 else []
        p = self.start([have('memcached'), '-l', '127.0.0.1', '-p', str(port),
                        '-t', '1'] + user, port, self.server_core)
        self.vars['MEMCACHED'] = port
        return p

    def bodies(self):
        """Lets ours answer once, for the others to serve those bytes."""
        p, self.vars['ORIGIN'] = self.start_nginx('origin',
                                                  core=self.client_core)
        p, port = self.start_nginx('ours')
        sizes = {}
        for body, path in PATHS.items():
            for encoding in ('plain', 'gzip'):
                get(port, path, encoding)
                status, headers, data = get(port, path, encoding)
                said = headers.get('content-encoding', 'plain')
                if status != 200 or said != encoding:
                    raise SystemExit(f'{path}: {status}, {headers}')
                self.write(path[1:] + ('.gz' if encoding == 'gzip' else ''),
                           data)
                sizes[body, encoding] = len(data)
                if encoding == 'plain':
                    self.vars[body.upper()] = data.decode()
        self.stop(p)
        text, n = self.vars['SNAPSHOT'], 4000
        for letter in 'ABC':
            self.vars['SNAPSHOT_' + letter], text = text[:n], text[n:]
        if text:
            raise SystemExit('the snapshot is too long for return 200')
        return sizes


def family(pid):
    """A process and all that it has started."""
    found = [pid]
    for task in os.listdir(f'/proc/{pid}/task'):
        try:
            with open(f'/proc/{pid}/task/{task}/children') as f:
                for child in f.read().split():
                    found += family(int(child))
        except OSError:
            pass
    return found


def cpu_seconds(processes):
    """utime + stime of all threads: from schedstat, which has it in ns."""
    total = 0
    for p in processes:
        for pid in family(p.pid):
            for task in os.listdir(f'/proc/{pid}/task'):
                try:
                    with open(f'/proc/{pid}/task/{task}/schedstat') as f:
                        total += int(f.read().split()[0])
                except OSError:
                    pass
    return total / 1e9


def busy(core):
    """Seconds that a core was busy, and stolen, since it was started."""
    with open('/proc/stat') as f:
        for line in f:
            if line.startswith(f'cpu{core} '):
                t = [int(x) for x in line.split()[1:]]
                return (sum(t[:8]) - t[3] - t[4]) / os.sysconf('SC_CLK_TCK')
    return 0
