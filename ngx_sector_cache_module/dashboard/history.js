/* The last day: two charts, and a table of its hours. */

import { Chart } from './charts.js';
import { clock, count, percent, rate, span } from './format.js';
import { hitRate } from './samples.js';
import { setText, Table } from './view.js';


const minute = 60, hour = 3600, day = 86400;      /* s */

/* Fewer samples than a day's are shown over the least of these. */
const spans = [hour, 3 * hour, 6 * hour, 12 * hour, day];


/*
 * The samples of /history as { at, requests, hits, misses, stale }, of a minute
 * each, by time.
 */

function read(answer) {
    return (answer.samples ?? []).map(one => ({
        at: Math.floor(Date.parse(one.time) / 1000),
        requests: one.requests,
        hits: one.hits,
        misses: one.misses,
        stale: one.stale
    })).filter(one => Number.isFinite(one.at)).sort((a, b) => a.at - b.at);
}


/* A place for each minute, so that those without a sample are a gap. */

function columns(samples, from, to) {
    const n = Math.round((to - from) / minute) + 1;
    const times = Array.from({ length: n }, (_, i) => from + i * minute);
    const requests = new Array(n).fill(null);
    const stale = new Array(n).fill(null);
    const hits = new Array(n).fill(null);

    for (const one of samples) {
        const i = Math.round((one.at - from) / minute);

        if (i >= 0 && i < n) {
            const share = hitRate(one.hits, one.misses);

            requests[i] = one.requests / minute;
            stale[i] = one.stale / minute;
            hits[i] = Number.isFinite(share) ? share : null;
        }
    }

    return { requests: [times, requests, stale], hits: [times, hits] };
}


function byHour(samples) {
    const found = new Map();

    for (const one of samples) {
        const at = one.at - one.at % hour;
        const total = found.get(at)
            ?? { at, requests: 0, hits: 0, misses: 0, stale: 0, minutes: 0 };

        for (const name of ['requests', 'hits', 'misses', 'stale']) {
            total[name] += one[name];
        }

        total.minutes++;
        found.set(at, total);
    }

    return [...found.values()].sort((a, b) => b.at - a.at);
}


export class History {
    #requests;
    #hits;
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

        if (samples.length === 0) {
            this.none('No minute is over yet: the first sample comes soon.');
            return;
        }

        const to = Math.floor(now / 1000 / minute) * minute;
        const kept = to - samples[0].at;
        const wide = spans.find(s => kept <= s) ?? day;

        setText(this.note, kept < day - hour
                ? `There are samples of ${span(kept + minute)} so far.` : '');
        this.note.hidden = this.note.textContent === '';
        this.charts.hidden = false;
        this.hours.hidden = false;

        this.#make();

        const data = columns(samples, to - wide, to);

        this.#requests.set(data.requests, to - wide, to);
        this.#hits.set(data.hits, to - wide, to);
        this.#table.show(byHour(samples), one => String(one.at));
    }

    #make() {
        if (this.#requests) {
            return;
        }

        this.#requests = new Chart(this.charts, {
            name: 'requests', title: 'Requests per second', show: rate,
            tick: n => String(Number(n.toFixed(2))), top: 1, lines: [
                { label: 'all', colour: '--accent', fill: '--accent-fill' },
                { label: 'stale', colour: '--warn' }
            ]
        });

        this.#hits = new Chart(this.charts, {
            name: 'hits', title: 'Hit rate', show: percent,
            tick: share => `${Math.round(share * 100)} %`, top: 1,
            fixed: true, lines: [
                { label: 'hit rate', colour: '--accent',
                  fill: '--accent-fill' }
            ]
        });

        this.#table = new Table(document.getElementById('hours-table'),
                                'The last day, hour by hour', [
            { title: 'Hour', text: one => clock(new Date(one.at * 1000)) },
            { title: 'Requests', number: true,
              text: one => count(one.requests) },
            { title: 'Per second', number: true,
              text: one => rate(one.requests / one.minutes / minute) },
            { title: 'Hit rate', number: true,
              text: one => percent(hitRate(one.hits, one.misses)) },
            { title: 'Stale', number: true, text: one => count(one.stale) }
        ], '');
    }
}
