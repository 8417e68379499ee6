"""What bench.py measured, as a table, a picture and bars passed or missed."""

import os
import shutil
import statistics
import subprocess

# (what is said, figure, row, beside, at most)
BARS = [
    ('a hit beside return 200', 'cpu', 'sector plain', 'return', 1.10),
    ('a hit beside return 200', 'instructions', 'sector plain', 'return',
     1.20),
    ('a hit beside proxy_cache', 'cpu', 'sector plain', 'proxy', .5),
    ('a hit beside Varnish', 'cpu', 'sector plain', 'varnish', .5),
    ('a hit beside a static file with open_file_cache', 'instructions',
     'sector plain', 'static_ofc', 1),
    ('a hit beside Lua', 'cpu', 'sector plain', 'lua', 1),
    ('a compressed snapshot beside proxy_cache with gzip', 'cpu',
     'snapshot gzip', 'proxy', .3),
    ('a compressed snapshot beside Lua with stored bytes', 'cpu',
     'snapshot gzip', 'lua', 1),
]


def all_noisy(samples):
    return all(s['noisy'] for s in samples)


def figures(samples, what):
    """Of the samples that nobody disturbed, or of all where none is left."""
    return [s[what] for s in samples if not s['noisy'] or all_noisy(samples)]


def ratio(results, figure, row, beside):
    """Ours over another: of CPU time the median of the rounds' ratios.

    Only rounds count in which neither sample is noisy: a ratio of others'
    work passes no bar.  Why there is none is said in its place.
    """
    ours, other = f'{row} ours', f'{row} {beside}'
    found = results.get(figure, {})
    if ours not in found or other not in found:
        return None, ''
    if figure == 'instructions':
        return (statistics.median(found[ours])
                / statistics.median(found[other])), ''
    quiet = [a['cpu_us'] / b['cpu_us']
             for a, b in zip(found[ours], found[other])
             if not a['noisy'] and not b['noisy']]
    if quiet:
        return statistics.median(quiet), ''
    if all_noisy(found[ours]) or all_noisy(found[other]):
        return None, ': all samples noisy'
    return None, ': one of the two noisy in every round'


def bars(results):
    lines = []
    for text, figure, row, beside, most in BARS:
        r, why = ratio(results, figure, row, beside)
        said = f'not measured{why}' if r is None \
            else f'{"pass" if r <= most else "MISS"}: {r:.2f}'
        unit = 'CPU' if figure == 'cpu' else 'instructions'
        lines.append(f'| {text}, {unit} | {most:.2f} | {said} |')
    return ['| bar | at most | measured |', '| --- | --- | --- |'] + lines


def spread(values, form):
    return (f'{statistics.median(values):{form}} '
            f'({min(values):{form}}–{max(values):{form}})')


def measured(samples, what, form):
    """The spread of a row's samples, marked where all of them are noisy."""
    if not samples:
        return ''
    return (spread(figures(samples, what), form)
            + (' noisy' if all_noisy(samples) else ''))


def table(results):
    out = ['| body | server | bytes | CPU, µs | requests/s | instructions '
           '| noisy |', '| --- | --- | --- | --- | --- | --- | --- |']
    cpu = results.get('cpu', {})
    instructions = results.get('instructions', {})
    for row in list(cpu) + [r for r in instructions if r not in cpu]:
        body, encoding, peer = row.split()
        samples = cpu.get(row, [])
        counts = [round(x, -1) for x in instructions.get(row, [])]
        noisy = sum(s['noisy'] for s in samples)
        out.append(
            f'| {body}, {encoding} | {results["names"][peer]} '
            f'| {results.get("bytes", {}).get(row, "")} '
            f'| {measured(samples, "cpu_us", ".1f")} '
            f'| {measured(samples, "rps", ".0f")} '
            f'| {spread(counts, ".0f") if counts else ""} '
            f'| {f"{noisy} of {len(samples)}" if samples else ""} |')
    return out


def flights(results):
    if 'flight' not in results:
        return []
    out = ['', '200 clients and one cold key, an upstream of 50 ms, two '
           'workers; ms:', '',
           '| server | calls | first | median | last |',
           '| --- | --- | --- | --- | --- |']
    for name, found in results['flight'].items():
        label = results['names'][name]
        if name == 'proxy':
            label += ', proxy_cache_lock'
        out.append(f'| {label} | {max(f["calls"] for f in found)} | '
                   + ' | '.join(spread([f[k] for f in found], '.1f')
                                for k in ('first', 'median', 'last')) + ' |')
    return out


def picture(folder, results):
    """CPU time of a request, by gnuplot."""
    cpu = results.get('cpu', {})
    if not cpu:
        return 'nothing to draw'
    if not shutil.which('gnuplot'):
        return 'no picture: there is no gnuplot'
    data = folder + '/cpu.dat'
    with open(data, 'w') as f:
        for row, samples in reversed(cpu.items()):
            body, encoding, peer = row.split()
            v = figures(samples, 'cpu_us')
            mark = ' (noisy)' if all_noisy(samples) else ''
            f.write(f'"{results["names"][peer]}: {body}, {encoding}{mark}" '
                    f'{statistics.median(v):.2f} {min(v):.2f} {max(v):.2f} '
                    f'{0x2a7f62 if peer == "ours" else 0x9aa5b1}\n')
    script = f'''
set terminal svg size 900,{60 + 24 * len(cpu)} noenhanced \\
    font "sans,12" background "white"
set output "{folder}/results.svg"
set title "CPU time of a request, µs: medians, smallest and largest"
set yrange [-0.7:{len(cpu) - .3}]
set xrange [0:*]
set grid xtics
set style fill solid
unset key
plot "{data}" using ($2/2):0:($2/2):(0.35):5:ytic(1) with boxxyerror \\
     lc rgb variable, \\
     "{data}" using 2:0:3:4 with xerrorbars pt 0 lc rgb "#333333"
'''
    p = subprocess.run(['gnuplot'], input=script, text=True,
                       capture_output=True)
    os.remove(data)
    return p.stderr.strip() or f'picture: {folder}/results.svg'


def write(folder, results):
    names = ', '.join(f'{k} {v}' for k, v in results['versions'].items())
    out = ['# What a hit costs', '',
           f'{results["date"]}; {names}; {results["cores"]} cores, load '
           f'{results["load"][0]:.1f} at the start.',
           f'{results["rounds"]} rounds of {results["seconds"]:g} s, '
           f'{results["connections"]} connections: medians, with the '
           'smallest and the largest.  A sample is noisy when others used '
           'more than 6 % of the server\'s core; such samples are left out, '
           'and where there are no others, the median says "noisy".  '
           f'Instructions: to the nearest 10, {results["counts"]} counts.',
           '',
           'This module has two configurations: the plain rows are without '
           'sector_cache_gzip, the gzip rows with it.  It is built with the '
           'flags of the Makefile (-O3, and link-time optimisation with '
           'gcc), while nginx and the others are Debian\'s builds.  nginx '
           'has access_log off; Varnish writes its shared-memory log.', '']
    out += table(results) + [''] + bars(results) + flights(results)
    for peer, lacks in results['skipped'].items():
        out += ['', f'Skipped: {results["names"].get(peer, peer)}, for want '
                f'of {lacks}.']
    with open(folder + '/results.md', 'w') as f:
        f.write('\n'.join(out) + '\n')
    print('\n'.join(out))
    print(picture(folder, results))
