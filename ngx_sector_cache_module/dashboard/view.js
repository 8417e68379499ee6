/*
 * Elements, changed only where something is another: a selection stays, and a
 * screen reader is told of what changed alone.
 */

export function element(name, classes, text) {
    const node = document.createElement(name);

    if (classes) {
        node.className = classes;
    }

    if (text !== undefined) {
        node.textContent = text;
    }

    return node;
}


export function setText(node, text) {
    if (node.textContent !== text) {
        node.textContent = text;
    }
}


export function setClass(node, classes) {
    if (node.className !== classes) {
        node.className = classes;
    }
}


/* As many children as there are items, in their order: an item keeps its
 * node, which is found by its key. */

export function list(parent, items, key, make, fill) {
    const known = new Map();

    for (const node of parent.children) {
        known.set(node.dataset.key, node);
    }

    items.forEach((item, i) => {
        const name = key(item);
        let node = known.get(name);

        if (!node) {
            node = make(item);
            node.dataset.key = name;
        }

        known.delete(name);
        fill(node, item);

        if (parent.children[i] !== node) {
            parent.insertBefore(node, parent.children[i] ?? null);
        }
    });

    for (const node of known.values()) {
        node.remove();
    }
}


/*
 * A table whose columns are { title, name, number, fill(cell, item) }, or text
 * in place of fill.  The first column heads the row.  Where it is narrow, a row
 * is a block of lines, each with its title; the roles are said, since what is
 * no table by its display is none for a screen reader.
 */

export class Table {
    constructor(parent, caption, columns, empty) {
        this.columns = columns;
        this.parent = parent;

        this.table = element('table');
        this.table.setAttribute('role', 'table');
        this.table.append(element('caption', 'quiet', caption));

        const head = element('thead');
        const row = element('tr');

        head.setAttribute('role', 'rowgroup');
        row.setAttribute('role', 'row');

        for (const column of columns) {
            const cell = element('th', column.number ? 'number' : '',
                                 column.title);
            cell.scope = 'col';
            cell.setAttribute('role', 'columnheader');
            row.append(cell);
        }

        head.append(row);
        this.body = element('tbody');
        this.body.setAttribute('role', 'rowgroup');
        this.table.append(head, this.body);
        this.empty = element('p', 'note', empty);
        parent.append(this.table, this.empty);
    }

    show(items, key) {
        this.table.hidden = items.length === 0;
        this.empty.hidden = items.length > 0;

        list(this.body, items, key, () => this.#row(), (row, item) => {
            this.columns.forEach((column, i) => {
                if (column.fill) {
                    column.fill(row.children[i], item);
                } else {
                    setText(row.children[i], column.text(item));
                }
            });
        });
    }

    #row() {
        const row = element('tr');

        row.setAttribute('role', 'row');

        this.columns.forEach((column, i) => {
            const cell = element(i ? 'td' : 'th',
                                 column.number ? 'number' : '');

            cell.setAttribute('role', i ? 'cell' : 'rowheader');
            cell.dataset.title = column.title;

            if (column.name) {
                cell.dataset.name = column.name;
            }

            if (i === 0) {
                cell.scope = 'row';
            }

            row.append(cell);
        });

        return row;
    }
}
