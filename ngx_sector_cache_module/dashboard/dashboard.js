/*
 * The page: asks /stats every two seconds while somebody may be looking, and
 * shows what it says.  All addresses are relative to the page's own, so that it
 * works below any prefix and behind any proxy.
 */

import { lastError, problems } from './attention.js';
import { bytes, clock, count, milliseconds, percent, rate, span }
    from './format.js';
import { History } from './history.js';
import { difference, hitRate, quantile, Samples, sum } from './samples.js';
import { element, list, setClass, setText, Table } from './view.js';


const every = { stats: 2000, entries: 10_000, history: 60_000 };    /* ms */
const patience = 5000;
const entriesShown = 20;

const samples = new Samples();
const history = new History();

const at = id => document.getElementById(id);


/* What the page knows beside the samples. */

const state = {
    connection: 'connecting',   /* connecting, live, lost, paused */
    why: '',                    /* of lost */
    paused: false,              /* by the button */
    asking: false,
    receivedAt: 0,              /* of the last answer, performance.now() */
    clockAhead: 0,              /* the server's clock before ours, ms */
    askedAt: { entries: -Infinity, history: -Infinity },
    missing: new Set()          /* pages that this server does not have */
};


function serverNow() {
    return Date.now() + state.clockAhead;
}


function sinceReceived() {
    return (performance.now() - state.receivedAt) / 1000;
}


/* ---- Asking */

async function ask(path) {
    const response = await fetch(path, {
        cache: 'no-store', signal: AbortSignal.timeout(patience)
    });

    if (!response.ok) {
        const error = new Error(`it answers ${response.status}`);
        error.status = response.status;
        throw error;
    }

    const date = Date.parse(response.headers.get('Date'));

    /* whole seconds: less is no difference */
    if (Number.isFinite(date)) {
        const ahead = date - Date.now();
        state.clockAhead = Math.abs(ahead) > 2000 ? ahead : 0;
    }

    return response.json();
}


function resting() {
    return state.paused || document.hidden;
}


async function poll() {
    if (resting() || state.asking) {
        return;
    }

    state.asking = true;

    try {
        const stats = await ask('stats');

        state.receivedAt = performance.now();
        samples.add(stats, state.receivedAt);
        show(stats);
        setConnection(resting() ? 'paused' : 'live');

    } catch (error) {
        state.why = error.status ? error.message
            : error.name === 'TimeoutError' ? 'it does not answer' : '';
        setConnection(resting() ? 'paused' : 'lost');
    }

    state.asking = false;

    if (state.connection === 'live') {
        await Promise.all([askNow('entries', askEntries),
                           askNow('history', askHistory)]);
    }
}


/* Asks for what is wanted less often, if it is time. */

async function askNow(name, work) {
    const now = performance.now();

    if (state.missing.has(name)
        || now - state.askedAt[name] < every[name])
    {
        return;
    }

    state.askedAt[name] = now;

    try {
        await work();

    } catch (error) {
        if (error.status === 404) {
            state.missing.add(name);
        }

        if (name === 'history') {
            history.none(error.status === 404
                         ? 'This server keeps no history.'
                         : 'The history could not be had; trying again.');
        }
    }
}


async function askHistory() {
    history.show(await ask('history?minutes=1440'), serverNow());
}


async function askEntries() {
    /* others hold what is not served: samples of the history */
    const names = Object.entries(samples.latest.stats.namespaces)
        .filter(([, now]) => now.totalRequests > 0).map(([name]) => name);
    const answers = await Promise.all(names.map(name => ask(
        `entries?namespace=${encodeURIComponent(name)}&limit=1000`)));

    const old = answers.flatMap((answer, i) => answer.entries
        .filter(one => one.state === 'stale' || one.state === 'refresh')
        .map(one => ({ ...one, namespace: names[i] })));

    showOld(old, answers.some(answer => answer.next != null));
}


/* ---- The connection */

const words = {
    connecting: 'Connecting…',
    live: 'Live',
    lost: 'Cannot reach the server',
    paused: 'Paused'
};


function setConnection(connection) {
    state.connection = connection;
    document.body.dataset.connection = connection;

    setText(at('connection'), connection === 'lost' && state.why
            ? `${words.lost}: ${state.why}` : words[connection]);

    if (samples.latest) {
        showAttention(samples.latest.stats);
    }

    tick();
}


function setPaused(paused) {
    state.paused = paused;
    at('pause').setAttribute('aria-pressed', String(paused));
    setText(at('pause'), paused ? 'Go on' : 'Pause');
    attend();
}


/* The page came into view or left it, or the button was pressed. */

function attend() {
    setConnection(resting() ? 'paused' : 'connecting');
    poll();
}


/* What changes by time alone; each second. */

function tick() {
    const age = sinceReceived();
    const old = state.receivedAt && state.connection !== 'live';

    setText(at('age'), old ? `numbers are ${span(age)} old` : '');

    for (const node of document.querySelectorAll('[data-left]')) {
        setText(node, left(Number(node.dataset.left) - age));
    }
}


function left(seconds) {
    return seconds > 0.5 ? `next try in ${span(seconds)}` : 'trying now';
}


/* ---- What is shown */

function show(stats) {
    const enabled = at('enabled');

    enabled.hidden = false;
    setText(enabled, stats.enabled ? 'Cache on' : 'Cache off');
    setClass(enabled, `chip ${stats.enabled ? 'good' : 'bad'}`);

    showAttention(stats);
    showTiles(stats);
    sources.show(named(stats.sources), one => one.name);
    showErrors(stats);
    namespaces.show(named(stats.namespaces), one => one.name);
    tick();
}


function named(object) {
    const minute = samples.window(60_000);

    return Object.entries(object).map(([name, now]) => {
        const of = minute && { to: now, from:
            (now === samples.latest.stats.namespaces[name]
             ? minute.from.namespaces : minute.from.sources)[name] };

        return { name, now, minute: of?.from ? of : null };
    });
}


function showAttention(stats) {
    const found = problems(stats, named(stats.sources),
                           named(stats.namespaces), serverNow());

    if (found.length === 0) {
        found.push(state.connection === 'lost'
            ? { key: 'unknown', kind: 'warn', text: 'Whether something needs'
                + ' attention is not known now.' }
            : { key: 'nothing', kind: 'good',
                text: 'Nothing needs attention.' });
    }

    list(at('attention'), found, one => one.key, () => {
        const item = element('li');
        const left = element('span', 'left');

        /* what is counted down each second is not read out each second */
        left.setAttribute('aria-hidden', 'true');
        item.append(element('span'), ' ', left, element('div', 'more'));

        return item;
    }, (item, one) => {
        const [text, left, more] = item.children;

        setClass(item, one.kind);
        setText(text, one.text);
        showLeft(left, one.left);
        lines(more, one.more ?? []);
    });
}


function lines(parent, texts) {
    list(parent, texts.map((text, i) => ({ text, key: String(i) })),
         one => one.key, () => element('p'),
         (node, one) => setText(node, one.text));
}


function showErrors(stats) {
    const texts = named(stats.sources).flatMap(({ name, now }) => {
        const text = lastError(now, serverNow());

        return text ? [`${name}: ${text}`] : [];
    });

    at('errors').hidden = texts.length === 0;
    lines(at('errors'), texts);
}


function showLeft(node, seconds) {
    if (seconds === undefined) {
        delete node.dataset.left;
        setText(node, '');
    } else {
        node.dataset.left = seconds;
        setText(node, left(seconds));
    }
}


/* Tiles: the last minute where something happened in it, else all since the
 * start, and below it the other. */

function tiles(stats) {
    const minute = samples.window(60_000);
    const recent = samples.window(10_000);
    const since = name => minute ? stats[name] - minute.from[name] : 0;
    const times = (from, name) =>
        sum(Object.values(from.sources).map(one => one[name]));

    const hits = hitRate(stats.hits, stats.misses);
    const hitsNow = hitRate(since('hits'), since('misses'));
    const staleNow = since('stale');

    const upstream = times(stats, 'upstreamTime');
    const upstreamNow = minute
        && difference(upstream, times(minute.from, 'upstreamTime'));
    const calls = upstreamNow?.count ? upstreamNow : upstream;

    const wait = times(stats, 'waitTime');
    const waitNow = minute
        && difference(wait, times(minute.from, 'waitTime'));
    const waits = waitNow?.count ? waitNow : wait;

    const inFlight = total(stats.sources, 'inFlight');
    const waiting = total(stats.sources, 'waiting');
    const scope = now => now ? 'last minute' : 'since start';

    return [
        { name: 'hitRate', title: 'Hit rate',
          scope: scope(Number.isFinite(hitsNow)),
          value: percent(Number.isFinite(hitsNow) ? hitsNow : hits),
          below: Number.isFinite(hitsNow) ? `${percent(hits)} since start`
              : since('totalRequests') > 0
                  ? `last minute: no hit or miss, but ${others(since)}`
              : !stats.totalRequests ? 'nothing was asked for yet'
              : !Number.isFinite(hits)
                  ? `no hit or miss, but ${others(name => stats[name])}`
              : !minute ? `of ${count(stats.hits + stats.misses)} look-ups`
              : 'nothing was asked for in the last minute' },

        { name: 'rate', title: 'Requests', scope: 'now',
          value: recent ? `${rate((stats.totalRequests
                                   - recent.from.totalRequests)
                                  / recent.seconds)} /s` : '–',
          below: `${count(stats.totalRequests)} since start` },

        { name: 'latency', title: 'Upstream time',
          scope: `median, ${scope(upstreamNow?.count)}`,
          value: milliseconds(quantile(calls, 0.5)),
          below: calls.count
              ? `p95 ${milliseconds(quantile(calls, 0.95))},`
                + ` ${count(calls.count)} ${plural(calls.count, 'call')}`
              : 'no call was made yet' },

        { name: 'wait', title: 'Queue wait',
          scope: `p95, ${scope(waitNow?.count)}`,
          value: milliseconds(quantile(waits, 0.95)),
          below: (waiting || waits.sumMs ? `${count(waiting)} waiting`
                                         : 'nobody waited')
              + `, ${count(inFlight)} in flight` },

        { name: 'stale', title: 'Answered stale',
          scope: scope(staleNow),
          value: count(staleNow || stats.stale),
          below: staleNow ? `of ${count(since('totalRequests'))},`
                            + ` ${count(stats.stale)} since start`
              : stats.stale && minute ? 'none in the last minute'
              : stats.updating
                  ? `but ${count(stats.updating)} while being refreshed`
              : stats.totalRequests ? `of ${count(stats.totalRequests)}`
              : 'nothing was asked for yet' },

        { name: 'memory', title: 'Memory', scope: 'now',
          value: bytes(stats.memoryUsage),
          below: `of ${bytes(total(stats.namespaces, 'memorySize'))},`
              + ` ${count(stats.entryCount)}`
              + ` ${plural(stats.entryCount, 'entry', 'entries')}` }
    ];
}


/* What requests were that looked for no fresh data, in words. */

function others(number) {
    return [['stale', 'stale'], ['updating', 'being refreshed'],
            ['bypassed', 'past the cache'], ['disabled', 'with it off'],
            ['negative', 'of no such symbol']]
        .filter(([name]) => number(name) > 0)
        .map(([name, words]) => `${count(number(name))} ${words}`)
        .join(', ') || 'others';
}


function total(object, name) {
    return Object.values(object).reduce((n, one) => n + one[name], 0);
}


function plural(n, one, many) {
    return n === 1 ? one : many ?? `${one}s`;
}


function showTiles(stats) {
    list(at('tiles'), tiles(stats), one => one.name, one => {
        const node = element('div', 'tile');
        const title = element('dt', '', one.title);

        title.append(element('span', 'scope'));
        node.append(title, element('dd', 'value'), element('dd', 'below'));

        return node;
    }, (node, one) => {
        const [title, value, below] = node.children;

        setText(title.lastChild, one.scope);
        setText(value, one.value);
        setText(below, one.below);
    });
}


/* ---- Tables */

const breakerKinds = { closed: 'good', half_open: 'warn', open: 'bad' };
const breakerWords = { closed: 'Closed', half_open: 'Half-open', open: 'Open' };


function fillBreaker(cell, { now: { breaker } }) {
    if (!cell.firstChild) {
        cell.append(element('span'), ' ', element('span', 'detail'));
    }

    const [chip, detail] = cell.children;
    const since = breaker.since
        ? (serverNow() - Date.parse(breaker.since)) / 1000 : NaN;

    setClass(chip, `chip ${breakerKinds[breaker.state] ?? 'warn'}`);
    setText(chip, breakerWords[breaker.state] ?? breaker.state);

    if (breaker.forced) {
        showLeft(detail);
        setText(detail, 'by hand');
    } else if (breaker.state === 'open') {
        showLeft(detail, breaker.retryAfter);
    } else {
        showLeft(detail);
        setText(detail, Number.isFinite(since) ? `for ${span(since)}` : '');
    }
}


/* The last minute's times, or all where no call was made in it. */

function time(name, share) {
    return ({ now, minute }) => {
        const recent = minute && difference(now[name], minute.from[name]);

        return milliseconds(quantile(recent?.count ? recent : now[name],
                                     share));
    };
}


const sources = new Table(at('sources'), 'Sources and their breakers', [
    { title: 'Source', text: one => one.name },
    { title: 'Breaker', name: 'breaker', fill: fillBreaker },
    { title: 'Median', number: true, text: time('upstreamTime', 0.5) },
    { title: 'p95', number: true, text: time('upstreamTime', 0.95) },
    { title: 'Fetches', number: true, text: ({ now }) => count(now.fetches) },
    { title: 'Failed', number: true, text: ({ now }) =>
        count(now.failed + now.invalid + now.timedOut + now.aborted) },
    { title: 'Refused', number: true, text: ({ now }) => count(
        now.refusedByBreaker + now.refusedByQueue + now.refusedByRate
        + (now.held ?? 0)) },
    { title: 'In flight', number: true,
      text: ({ now }) => count(now.inFlight) },
    { title: 'Waiting', number: true, text: ({ now }) => count(now.waiting) }
], 'No source is declared.');


function fillMemory(cell, { name, now }) {
    if (!cell.firstChild) {
        const bar = element('span', 'bar');

        bar.append(element('span'));
        bar.setAttribute('aria-hidden', 'true');
        cell.append(bar, ' ', element('span', 'detail'));
    }

    const [bar, detail] = cell.children;
    const share = now.memoryUsage / now.memorySize;

    bar.firstChild.hidden = now.memoryUsage === 0;
    bar.firstChild.style.width = `${Math.min(100, share * 100)}%`;
    setText(detail, `${bytes(now.memoryUsage)} of ${bytes(now.memorySize)}`);
}


const namespaces = new Table(at('namespaces'), 'Namespaces', [
    { title: 'Namespace', text: one => one.name },
    { title: 'Memory', name: 'memory', fill: fillMemory },
    { title: 'Entries', number: true,
      text: ({ now }) => count(now.entryCount) },
    { title: 'Requests', number: true,
      text: ({ now }) => count(now.totalRequests) },
    { title: 'Hit rate', number: true,
      text: ({ now }) => percent(hitRate(now.hits, now.misses)) },
    { title: 'Misses', number: true, text: ({ now }) => count(now.misses) },
    { title: 'Stale', number: true,
      text: ({ now }) => count(now.stale) },
    { title: 'Evicted', number: true,
      text: ({ now }) => count(now.evictions) },
    { title: 'Last stored', number: true, name: 'stored',
      text: ({ now }) => now.lastUpdated
          ? ago(Date.parse(now.lastUpdated)) : 'never' }
], 'No namespace is declared.');


function ago(time) {
    const seconds = (serverNow() - time) / 1000;

    return seconds < 86400 ? `${span(seconds)} ago`
                           : clock(new Date(time));
}


const old = new Table(at('old-entries'), 'Entries past their time', [
    { title: 'Key', text: one => one.key },
    { title: 'Namespace', name: 'namespace',
      text: one => one.namespace },
    { title: 'Served', name: 'served', text: one => one.state === 'refresh'
        ? 'while it is refreshed' : 'if a fetch fails' },
    { title: 'Age', number: true, text: one => span(one.age) },
    { title: 'Hits', number: true, text: one => count(one.hits) }
], 'No entry is past its time.');


function showOld(entries, more) {
    const shown = entries.sort((a, b) => b.age - a.age)
        .slice(0, entriesShown);
    const rest = entries.length - shown.length;
    const notes = [];

    if (rest > 0) {
        notes.push(`${count(rest)} more.`);
    }

    if (more) {
        notes.push('Only the first 1,000 keys of a namespace are looked at.');
    }

    at('old').hidden = false;
    setText(at('old-note'), notes.join(' '));
    at('old-note').hidden = notes.length === 0;
    old.show(shown, one => `${one.namespace} ${one.key}`);
}


/* ---- The beginning */

at('pause').addEventListener('click', () => setPaused(!state.paused));
document.addEventListener('visibilitychange', attend);

setInterval(poll, every.stats);
setInterval(tick, 1000);
attend();
