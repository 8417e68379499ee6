/* Numbers and times, as a person reads them. */

const none = '–';

const grouped = new Intl.NumberFormat('en');
const compact = new Intl.NumberFormat('en', {
    notation: 'compact', maximumFractionDigits: 1
});


export function count(n) {
    if (!Number.isFinite(n)) {
        return none;
    }

    return n < 1e6 ? grouped.format(n) : compact.format(n);
}


export function percent(share) {
    if (!Number.isFinite(share)) {
        return none;
    }

    /* neither 100 nor 0 unless it is */
    const tenths = Math.round(share * 1000);
    const whole = share < 1 ? Math.min(tenths, 999) : tenths;
    const shown = share > 0 ? Math.max(whole, 1) : whole;

    return shown % 1000 === 0 ? `${shown / 10} %`
                              : `${(shown / 10).toFixed(1)} %`;
}


export function rate(perSecond) {
    if (!Number.isFinite(perSecond)) {
        return none;
    }

    if (perSecond === 0) {
        return '0';
    }

    if (perSecond < 0.1) {
        return '< 0.1';
    }

    return perSecond < 100 ? perSecond.toFixed(1)
                           : count(Math.round(perSecond));
}


export function bytes(n) {
    if (!Number.isFinite(n)) {
        return none;
    }

    const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
    let i = 0;

    while (n >= 1024 && i < units.length - 1) {
        n /= 1024;
        i++;
    }

    return `${i && n < 100 ? Number(n.toFixed(1)) : Math.round(n)} ${units[i]}`;
}


export function milliseconds(ms) {
    if (ms === Infinity) {
        return '> 30 s';
    }

    if (!Number.isFinite(ms)) {
        return none;
    }

    if (ms < 10) {
        return `${Number(ms.toFixed(1))} ms`;
    }

    return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}


/* A span in its two largest units. */

export function span(seconds) {
    if (!Number.isFinite(seconds)) {
        return none;
    }

    const s = Math.max(0, Math.round(seconds));
    const units = [['d', 86400], ['h', 3600], ['min', 60], ['s', 1]];
    const first = units.findIndex(([, size]) => s >= size);

    if (first === -1) {
        return '0 s';
    }

    let rest = s;

    return units.slice(first, first + 2).map(([name, size]) => {
        const n = Math.floor(rest / size);
        rest -= n * size;
        return n ? `${n} ${name}` : '';
    }).filter(Boolean).join(' ');
}


export function clock(date) {
    return date.toLocaleTimeString('en', {
        hour: '2-digit', minute: '2-digit', hourCycle: 'h23'
    });
}


const day = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });


/* A time near another one, which is ms: a date where it is of another day. */

export function when(text, near) {
    const date = new Date(text ?? NaN);

    if (Number.isNaN(date.getTime())) {
        return none;
    }

    return Math.abs(date - near) < 43_200_000 ? clock(date)
        : `${clock(date)}, ${day.format(date)}`;
}
