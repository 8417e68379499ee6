/* The last day: three charts, and a table of its hours. */

import { Chart } from './charts.js';
import { clock, count, milliseconds, percent, rate, span }
    from './format.js';
import { hitRate } from './samples.js';
import { setText, Table } from './view.js';


const minute = 60, hour = 3600, day = 86400;      /* s */

/* Fewer samples than a day's are shown over the least of these. */
const spans = [hour, 3 * hour, 6 * hour, 12 * hour, day];


/* The samples of /history, of a minute each, by time, which is at: seconds. */

function read(answer) {
    return answer.samples
        .map(one => ({ ...one, at: Math.floor(Date.parse(one.time) / 1000) }))
        .filter(one => Number.isFinite(one.at))
        .sort((a, b) => a.at - b.at);
}


/* A place for each minute, so that those without a sample are a gap. */

function columns(samples, from, to) {
    const n = Math.round((to - from) / minute) + 1;
    const times = Array.from({ length: n }, (_, i) => from + i * minute);
    const [requests, stale, hits, upstream] =
        Array.from({ length: 4 }, () => new Array(n).fill(null));

    for (const one of samples) {
        const i = Math.round((one.at - from) / minute);

        if (i >= 0 && i < n) {
            const share = hitRate(one.hits, one.misses);

            requests[i] = one.requests / minute;
            stale[i] = one.stale / minute;
            hits[i] = Number.isFinite(share) ? share : null;
            upstream[i] = one.fetches ? one.upstreamMs : null;
        }
    }

    return { requests: [times, requests, stale], hits: [times, hits],
             upstream: [times, upstream] };
}


function byHour(samples) {
    const names = ['requests', 'hits', 'misses', 'stale', 'fetches',
                   'failures'];
    const found = new Map();

    for (const one of samples) {
        const at = one.at - one.at % hour;
        const total = found.get(at) ?? { at, minutes: 0, fetchMs: 0 };

        for (const name of names) {
            total[name] = (total[name] ?? 0) + one[name];
        }

        total.minutes++;
        total.fetchMs += one.fetches ? one.fetches * one.upstreamMs : 0;
        found.set(at, total);
    }

    return [...found.values()].sort((a, b) => b.at - a.at);
}


export class History {
    #plots;
    #table;

    constructor() {
        this.note = document.getElementById('history-note');
        this.charts = document.getElementById('charts');
        this.hours = document.getElementById('hours');
        this.charts.hidden = true;
    }

    /* Nothing came: words to say so. */
    none(words) {
        setText(this.note, words);
        this.note.hidden = false;
        this.charts.hidden = true;
        this.hours.hidden = true;
    }

    show(answer, now) {
        const samples = read(answer);

        if (samples.length < 2) {
            this.none('There is a sample a minute: the first ones come soon.');
            return;
        }

        const to = Math.floor(now / 1000 / minute) * minute;
        const kept = to - samples[0].at;
        const minutes = Math.ceil(kept / minute) + 1;
        const wide = spans.find(s => kept <= s) ?? day;

        setText(this.note, kept >= day - hour ? ''
                : `There are samples of ${span(minutes * minute)} so far.`);
        this.note.hidden = this.note.textContent === '';
        this.charts.hidden = false;
        this.hours.hidden = false;

        this.#make();

        const data = columns(samples, to - wide, to);

        for (const plot of this.#plots) {
            plot.set(data[plot.name], to - wide, to);
        }

        this.#table.show(byHour(samples), one => String(one.at));
    }

    #make() {
        if (this.#plots) {
            return;
        }

        const accent = { colour: '--accent', fill: '--accent-fill' };

        this.#plots = [
            { name: 'requests', title: 'Requests per second', show: rate,
              tick: n => String(Number(n.toFixed(2))), top: 1,
              lines: [{ label: 'all', ...accent },
                      { label: 'stale', colour: '--warn' }] },

            { name: 'hits', title: 'Hit rate', show: percent,
              tick: share => `${Math.round(share * 100)} %`, top: 1,
              fixed: true, lines: [{ label: 'hit rate', ...accent }] },

            { name: 'upstream', title: 'Upstream time', show: milliseconds,
              tick: milliseconds, top: 10,
              lines: [{ label: 'mean', ...accent }] }
        ].map(options => new Chart(this.charts, options));

        this.#table = new Table(document.getElementById('hours-table'),
                                'The last day, hour by hour', [
            { title: 'Hour', text: one => clock(new Date(one.at * 1000)) },
            { title: 'Requests', number: true,
              text: one => count(one.requests) },
            { title: 'Per second', number: true,
              text: one => rate(one.requests / one.minutes / minute) },
            { title: 'Hit rate', number: true,
              text: one => percent(hitRate(one.hits, one.misses)) },
            { title: 'Stale', number: true, text: one => count(one.stale) },
            { title: 'Fetches', number: true,
              text: one => count(one.fetches) },
            { title: 'Failed', number: true,
              text: one => count(one.failures) },
            { title: 'Upstream', number: true,
              text: one => milliseconds(one.fetchMs / one.fetches) }
        ], '');
    }
}
