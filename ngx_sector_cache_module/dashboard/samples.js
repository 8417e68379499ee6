/*
 * What /stats says is counted since the beginning.  What goes on now is the
 * difference of two answers: those of the last minute are kept here.
 */

const kept = 61_000;        /* ms */


export class Samples {
    #list = [];

    /* at: ms of a clock that never goes back */
    add(stats, at) {
        const last = this.latest;

        /* counters that went down are those of a new process */
        if (last && stats.totalRequests < last.stats.totalRequests) {
            this.#list = [];
        }

        this.#list.push({ stats, at });

        while (this.#list.length && at - this.#list[0].at > kept) {
            this.#list.shift();
        }
    }

    clear() {
        this.#list = [];
    }

    get latest() {
        return this.#list[this.#list.length - 1];
    }

    /* Two answers so many ms apart, or fewer where there are no older ones;
     * null: there is one answer at most. */
    window(ms) {
        const to = this.latest;
        const from = to && this.#list.find(one => to.at - one.at <= ms + 500);

        if (!from || from === to) {
            return null;
        }

        return { from: from.stats, to: to.stats,
                 seconds: (to.at - from.at) / 1000 };
    }
}


export function hitRate(hits, misses) {
    return hits + misses > 0 ? hits / (hits + misses) : NaN;
}


/* A histogram's buckets as [bound, count up to it], by bound. */

function steps(histogram) {
    return Object.entries(histogram?.buckets ?? {})
        .map(([bound, n]) => [bound === '+Inf' ? Infinity : Number(bound), n])
        .sort((a, b) => a[0] - b[0]);
}


export function sum(histograms) {
    const total = { count: 0, sumMs: 0, buckets: {} };

    for (const one of histograms) {
        total.count += one?.count ?? 0;
        total.sumMs += one?.sumMs ?? 0;

        for (const [bound, n] of Object.entries(one?.buckets ?? {})) {
            total.buckets[bound] = (total.buckets[bound] ?? 0) + n;
        }
    }

    return total;
}


export function difference(to, from) {
    const buckets = {};

    for (const [bound, n] of Object.entries(to.buckets)) {
        buckets[bound] = n - (from.buckets[bound] ?? 0);
    }

    return { count: to.count - from.count, sumMs: to.sumMs - from.sumMs,
             buckets };
}


/*
 * The time within which this share of calls was over: as if they were spread
 * evenly within a bucket, but no more and no less than their sum allows.  Of
 * what is above the buckets' lower ends all together, those from the wanted one
 * on have a part each that is no less than its own; and so it is with what
 * lacks to the upper ends.
 */
export function quantile(histogram, share) {
    const wanted = histogram.count * share;
    const rank = Math.max(1, Math.ceil(wanted));
    let above = histogram.sumMs, lacks = -histogram.sumMs;
    let found = Infinity, low = 0, high = Infinity, below = 0, before = 0;

    if (!(histogram.count > 0)) {
        return NaN;
    }

    const all = steps(histogram).map(([bound, n]) => {
        const one = { below, bound, before, n };

        if (n > before) {
            above -= (n - before) * below;
            lacks += (n - before) * bound;
        }

        below = bound;
        before = n;

        return one;
    });

    const at = all.find(one => one.n >= rank);

    if (at && at.bound !== Infinity) {
        found = at.below + (at.bound - at.below)
                * Math.max(0, wanted - at.before) / (at.n - at.before);
        low = at.bound - lacks / (rank - at.before);
        high = at.below + above / (histogram.count - rank + 1);
    }

    return Math.max(0, Math.min(Math.max(found, low), Math.max(0, high)));
}
