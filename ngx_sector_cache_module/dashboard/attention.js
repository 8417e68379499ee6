/*
 * What an operator should look at, in plain words, and what to do about it.
 * Nothing is found only where /health would be healthy.
 */

import { count, when } from './format.js';


/* What helps against an error: by the provider's status, the first that fits,
 * else by its words. */

const helps = [
    [402, 402, 'Look at the account with the provider: it wants to be paid.'],
    [401, 403, 'Look at the provider\'s key, and at what it may ask for.'],
    [407, 407, 'Look at the proxy on the way: it wants to know who asks.'],
    [429, 429, 'Ask less often: a longer ttl, or a rate that the provider'
               + ' allows.'],
    [300, 399, 'The provider has moved, or wants https: look at the fetch'
               + ' location\'s proxy_pass.'],
    [400, 499, 'The provider refuses what it is asked: look at the URI of'
               + ' sector_cache_fetch.'],
    [500, 599, 'The provider has trouble of its own. It is asked again by'
               + ' itself.']
];


function help(error) {
    if (/^nginx itself/i.test(error.error)) {
        return 'Look at the rules of the fetch location, and at what is'
            + ' around it.';
    }

    const found = helps.find(([from, to]) =>
        error.status >= from && error.status <= to);

    return found ? found[2] : 'See whether the provider can be reached from'
        + ' here, and what it answers with.';
}


function sentence(text) {
    return /[.!?]$/.test(text) ? text : `${text}.`;
}


/* The last error of a source, of which symbol, and when. */

export function lastError(now, time) {
    const { lastError: last, lastSuccess: good, failuresInRow: row } = now;

    if (!last?.error) {
        return '';
    }

    return `last error at ${when(last.time, time)}: ${last.error}`
        + (last.symbol ? `, of ${last.symbol}` : '')
        + (row > 0 ? `; ${count(row)} in a row` : '')
        + (good ? `; last success at ${when(good, time)}` : '');
}


/* Why a source is in trouble, since when, until when that can be borne, and
 * what helps. */

function reasons(now, time) {
    const { openedBecause: opened, lastError: last, lastSuccess: good,
            staleUntil: until } = now;
    const open = now.breaker.state !== 'closed' && !now.breaker.forced;
    const found = [];

    if (open && opened?.error) {
        found.push(`It opened at ${when(opened.time, time)}, because of this: `
                   + sentence(opened.error));
    }

    if (last?.error && !(open && opened?.error === last.error)) {
        found.push('The last error: ' + sentence(last.error));
    }

    if (good !== undefined) {
        found.push(good ? `Nothing has succeeded since ${when(good, time)}.`
                        : 'Nothing has succeeded yet.');
    }

    if (until) {
        found.push(Date.parse(until) > time
            ? `Stale data lasts until ${when(until, time)}: from then on the`
              + ' first symbols are answered with an error.'
            : 'Stale data has begun to end: symbols are answered with an'
              + ' error.');
    }

    if (now.breaker.forced) {
        found.push('An admin can free it: set the breaker to auto.');

    } else if (last?.error || opened?.error) {
        found.push(help(last?.error ? last : opened));
    }

    return found;
}


function breaker(name, { breaker: { state, forced, retryAfter } }) {
    if (state === 'open') {
        return { key: `open ${name}`, kind: 'bad', text: forced
            ? `The breaker of ${name} is held open by hand.`
            : `The breaker of ${name} is open: it is not asked.`,
            left: forced ? undefined : retryAfter };
    }

    return { key: `half ${name}`, kind: 'warn', text: `The breaker of ${name}`
        + ' is half-open: a few fetches try whether it is back.' };
}


function source({ name, now }, time) {
    const found = [];

    if (now.breaker.state !== 'closed') {
        found.push({ ...breaker(name, now), more: reasons(now, time) });

    } else if (now.failing) {
        found.push({ key: `failing ${name}`, kind: 'bad', text:
            `Every fetch of ${name} fails` + (now.failingSince
                ? ` since ${when(now.failingSince, time)}.` : '.'),
            more: reasons(now, time) });
    }

    if (now.frozen) {
        found.push({ key: `frozen ${name}`, kind: 'warn',
            text: `The feed of ${name} is frozen:`
                  + ' its quotes have stopped advancing.',
            more: [(now.newestQuote
                    ? `The newest is of ${when(now.newestQuote, time)}. ` : '')
                   + 'Ask the provider; or look at the market\'s hours.'] });
    }

    return found;
}


function refused({ name, minute }) {
    const n = minute
        ? minute.to.refusedNoRoom - minute.from.refusedNoRoom : 0;

    return n > 0 ? [{ key: `room ${name}`, kind: 'warn',
        text: `${name} had no room for ${count(n)} answers in the last`
              + ' minute.',
        more: ['Give the zone more memory.'] }] : [];
}


/* sources and namespaces: { name, now, minute }; time: the server's.  An item
 * is { key, kind, text, more, left }: more sentences, and seconds until the
 * next try. */

export function problems(stats, sources, namespaces, time) {
    const found = [];
    const add = (key, kind, text, ...more) =>
        found.push({ key, kind, text, more });

    if (!stats.enabled) {
        add('enabled', 'bad', 'The cache is off: every request is fetched.',
            'An admin can turn it on again.');
    }

    found.push(...sources.flatMap(one => source(one, time)));

    if (stats.staleAnswersAlert) {
        add('stale', 'bad', 'Most answers of the last minute were stale.',
            'Clients get old prices, since fetches fail or may not be made:'
            + ' see the sources.');
    }

    if (stats.unservableSymbols?.length) {
        add('unservable', 'bad', 'Symbols that cannot be served:'
            + ` ${stats.unservableSymbols.join(', ')}.`,
            'They are not in memory, and the last fetch failed.');
    }

    if (stats.hitRateAlert) {
        add('hitRate', 'warn', 'The hit rate is below its alert.',
            'A longer ttl or more memory may help: see the namespaces.');
    }

    found.push(...namespaces.flatMap(refused));

    return found;
}
