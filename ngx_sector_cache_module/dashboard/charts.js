/*
 * The charts of the last day, drawn by uPlot.  Their colours are those of the
 * style sheet; they are drawn anew when these change.  The arrow keys read
 * them as a mouse does.
 */

import { clock } from './format.js';
import { element, setText } from './view.js';


const height = 180;
const day = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });


function colour(name) {
    return getComputedStyle(document.documentElement)
        .getPropertyValue(name).trim();
}


function hours(splits) {
    return splits.map((s, i) => {
        const date = new Date(s * 1000);

        /* the day, where it begins */
        return date.getHours() + date.getMinutes() === 0 && i > 0
            ? day.format(date) : clock(date);
    });
}


/* The minutes without a neighbour, which no line would show. */

function alone(u, series) {
    const values = u.data[series];

    return [...values.keys()].filter(i => values[i] != null
        && values[i - 1] == null && values[i + 1] == null);
}


export class Chart {
    #plot = null;
    #data = [[]];
    #from = 0;
    #to = 0;
    #index = -1;

    /* lines: { label, colour, fill }; show, tick: print a value, and one of
     * the scale; top: the scale's least end, or its only one where it is
     * fixed */
    constructor(parent, { name, title, lines, show, tick, top, fixed }) {
        this.name = name;
        this.lines = lines;
        this.show = show;
        this.tick = tick;
        this.top = top;
        this.fixed = fixed;

        this.figure = element('figure');
        this.figure.dataset.name = name;
        this.plotParent = element('div', 'plot');
        this.plotParent.tabIndex = 0;
        this.plotParent.setAttribute('role', 'group');
        this.plotParent.setAttribute('aria-label', title
            + ', a chart. The arrow keys read its minutes, the table below'
            + ' has its hours.');
        this.spoken = element('p', 'quiet');
        this.spoken.setAttribute('role', 'status');
        this.figure.append(element('figcaption', '', title), this.plotParent,
                           this.spoken);
        parent.append(this.figure);

        this.plotParent.addEventListener('keydown', e => this.#key(e));
        this.plotParent.addEventListener('blur', () => this.#leave());

        new ResizeObserver(() => this.#resize()).observe(this.plotParent);
        matchMedia('(prefers-color-scheme: dark)')
            .addEventListener('change', () => this.#draw());
    }

    /* data: [seconds, values of each line ...] */
    set(data, from, to) {
        this.#data = data;
        this.#from = from;
        this.#to = to;

        if (this.#plot) {
            this.#plot.setData(data);
            this.#legend();
        } else {
            this.#draw();
        }
    }

    #draw() {
        const width = this.plotParent.clientWidth;

        if (!width || !this.#to) {
            return;
        }

        this.#plot?.destroy();
        this.#plot = new uPlot(this.#options(width), this.#data,
                               this.plotParent);
        this.#legend();
    }

    /* Without a cursor, the latest values. */
    #legend() {
        const idx = this.#data[1].findLastIndex(v => v != null);

        if (idx >= 0 && this.#plot.cursor.idx == null) {
            this.#plot.setLegend({ idx }, false);
        }
    }

    #options(width) {
        const axis = {
            stroke: colour('--muted'),
            font: '12px system-ui, sans-serif',
            grid: { stroke: colour('--grid'), width: 1 },
            ticks: { stroke: colour('--grid'), width: 1, size: 4 }
        };

        return {
            width, height,
            hooks: { setCursor: [() => this.#plot && this.#legend()] },
            padding: [10, 22, 0, 0],
            cursor: { sync: { key: 'history' }, y: false,
                      drag: { x: false, y: false } },
            scales: {
                x: { time: true, range: () => [this.#from, this.#to] },
                y: { range: (u, low, high) => [0, this.fixed ? this.top
                     : Math.max(this.top, (high ?? 0) * 1.1)] }
            },
            axes: [
                { ...axis, space: 64, size: 28,
                  values: (u, splits) => hours(splits) },
                { ...axis, space: 36, size: 54,
                  values: (u, splits) => splits.map(this.tick) }
            ],
            series: [
                { label: 'Time',
                  value: (u, s) => s == null ? '–'
                      : clock(new Date(s * 1000)) },
                ...this.lines.map(line => ({
                    label: line.label,
                    stroke: colour(line.colour),
                    fill: line.fill ? colour(line.fill) : undefined,
                    width: 1.5,
                    points: { show: false, size: 5,
                              fill: colour(line.colour), filter: alone },
                    value: (u, v) => v == null ? '–' : this.show(v)
                }))
            ]
        };
    }

    #resize() {
        const width = this.plotParent.clientWidth;

        if (!this.#plot) {
            this.#draw();
        } else if (width && width !== this.#plot.width) {
            this.#plot.setSize({ width, height });
        }
    }

    #key(event) {
        const last = this.#data[0].length - 1;
        const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -60,
                       PageDown: 60, Home: -Infinity, End: Infinity };

        if (!(event.key in step) || !this.#plot || last < 0
            || event.ctrlKey || event.altKey || event.metaKey)
        {
            return;
        }

        event.preventDefault();

        const at = this.#index < 0 ? last + 1 : this.#index;
        this.#index = Math.min(last, Math.max(0, at + step[event.key]));

        const seconds = this.#data[0][this.#index];
        const values = this.lines.map((line, i) => {
            const v = this.#data[i + 1][this.#index];
            return `${line.label} ${v == null ? 'none' : this.show(v)}`;
        });

        this.#plot.setCursor({
            left: this.#plot.valToPos(seconds, 'x'), top: 0
        });
        setText(this.spoken, `${clock(new Date(seconds * 1000))}: `
                             + values.join(', '));
    }

    #leave() {
        this.#index = -1;
        this.#plot?.setCursor({ left: -10, top: -10 });
        setText(this.spoken, '');
    }
}
