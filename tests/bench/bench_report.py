"""What bench.py measured, as a table, a picture and bars passed or missed."""

import os
import shutil
import statistics
import subprocess

# (what is said, figure, row, beside, at most); of 'flight' a figure of ours
# stands for the row, beside nothing.
BARS = [
    ('a hit beside return 200, CPU', 'cpu',
     'sector plain ours', 'sector plain return', 1.10),
    ('a hit beside return 200, instructions', 'instructions',
     'sector plain ours', 'sector plain return', 1.20),
    ('a hit beside a static file with open_file_cache, CPU', 'cpu',
     'sector plain ours', 'sector plain static_ofc', 1),
    ('a hit beside a static file with open_file_cache, instructions',
     'instructions', 'sector plain ours', 'sector plain static_ofc', 1),
    ('a hit beside proxy_cache, CPU', 'cpu',
     'sector plain ours', 'sector plain proxy', .5),
    ('a hit beside proxy_cache, instructions', 'instructions',
     'sector plain ours', 'sector plain proxy', 1),
    ('a hit beside Lua, CPU', 'cpu',
     'sector plain ours', 'sector plain lua', 1),
    ('a hit beside Lua, instructions', 'instructions',
     'sector plain ours', 'sector plain lua', 1),
    ('a hit beside Varnish, CPU', 'cpu',
     'sector plain ours', 'sector plain varnish', .5),
    ('a compressed snapshot beside a plain one, instructions',
     'instructions', 'snapshot gzip ours', 'snapshot plain ours', 1.2),
    ('a compressed snapshot beside proxy_cache with gzip, CPU', 'cpu',
     'snapshot gzip ours', 'snapshot gzip proxy', .3),
    ('a compressed snapshot beside Lua with stored bytes, CPU', 'cpu',
     'snapshot gzip ours', 'snapshot gzip lua', 1),
    ('200 clients and one cold key, calls', 'flight', 'calls', '', 1),
    ('200 clients and one cold key, ms from the first to the last', 'flight',
     'spread', '', 10),
]


def all_noisy(samples):
    return all(s['noisy'] for s in samples)


def figures(samples, what):
    """Of the samples that nobody disturbed, or of all where none is left."""
    return [s[what] for s in samples if not s['noisy'] or all_noisy(samples)]


def ratio(results, figure, ours, other):
    """Ours over another: of CPU time the median of the rounds' ratios.

    Only rounds count in which neither sample is noisy: a ratio of others'
    work passes no bar.  Why there is none is said in its place.
    """
    found = results.get(figure, {})
    for row in ours, other:
        if row not in found:
            lacks = results['skipped'].get(figure) \
                or results['skipped'].get(row.split()[-1])
            return None, f': for want of {lacks}' if lacks else ''
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


def flight(runs, what):
    """The most calls of all stampedes; of their spreads the median, since
    whoever else wants a core delays the last client of some.
    """
    if what == 'calls':
        return max(run['calls'] for run in runs)
    return statistics.median(run['last'] - run['first'] for run in runs)


def judge(results):
    """Of each bar: (what is said, at most, its outcome, what was measured)."""
    found = []
    for text, figure, row, beside, most in BARS:
        if figure not in results['only']:
            found.append((text, most, 'not asked for', ''))
            continue
        if figure == 'flight':
            value, why = flight(results['flight']['ours'], row), ''
        else:
            value, why = ratio(results, figure, row, beside)
        if value is None:
            found.append((text, most, 'not measured', why))
        else:
            found.append((text, most, 'pass' if value <= most else 'MISS',
                          f': {value:.2f}'))
    return found


def bars(results):
    return (['| bar | at most | measured |', '| --- | --- | --- |']
            + [f'| {text} | {most:.2f} | {outcome}{more} |'
               for text, most, outcome, more in judge(results)])


def verdict(results):
    """Says in one line what came of the bars, and returns what to exit with:
    1 if one was missed, else 2 if one that was asked for was not measured, or
    none was asked for.
    """
    texts = {}
    for text, _, outcome, _ in judge(results):
        texts.setdefault(outcome, []).append(text)
    said = f'{len(texts.get("pass", []))} of {len(BARS)} bars passed'
    for outcome in ('MISS', 'not measured'):
        if outcome in texts:
            said += (f'; {outcome} ({len(texts[outcome])}): '
                     + '; '.join(texts[outcome]))
    if 'not asked for' in texts:
        said += f'; not asked for: {len(texts["not asked for"])}'
    print(f'bench: {said}')
    if 'MISS' in texts:
        return 1
    return 2 if 'not measured' in texts or 'pass' not in texts else 0


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
