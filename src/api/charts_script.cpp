// Charts: SVG made by the page's own script, each with a table that says the same.
#include "api/domains_page.hpp"

namespace postern::api {

const std::string_view kChartsScript = R"js('use strict';
const svg = (tag, attributes) => {
  const e = document.createElementNS('http://www.w3.org/2000/svg', tag);
  for (const [name, value] of Object.entries(attributes)) e.setAttribute(name, value);
  return e;
};

const number = (n) => n.toLocaleString();
// Rounded, but never to all when something failed, nor to nothing when something passed.
function share(good, bad) {
  if (!(good + bad)) return '';
  const percent = (n) => n.toLocaleString(undefined, { maximumFractionDigits: 1 }) + '%', part = 100 * good / (good + bad);
  if (bad && part > 99.9) return 'over ' + percent(99.9);
  if (good && part < 0.1) return 'under ' + percent(0.1);
  return percent(part);
}

// "2026-11-01" to "2026-11-30": every one of them.
function daysFrom(first, last) {
  const out = [];
  for (let t = Date.parse(first); t <= Date.parse(last); t += 86400000) out.push(new Date(t).toISOString().slice(0, 10));
  return out;
}

// Rows of single days, some with several and some with none, as one of each day.
function byDay(days, rows) {
  const of = new Map(days.map((day) => [day, { day, good: 0, bad: 0 }]));
  for (const row of rows) {
    const at = of.get(row.day);
    if (at) { at.good += row.good; at.bad += row.bad; }
  }
  return [...of.values()];
}

// Heights of 100: what there is at all is seen, however small beside the rest.
function heights(day, most) {
  const high = (n) => n ? Math.max(3, 100 * n / most) : 0, bad = high(day.bad);
  return { bad, good: Math.min(high(day.good), 100 - bad) };
}

function barsOf(days, most, words) {
  const picture = svg('svg', { viewBox: '0 0 ' + days.length * 10 + ' 100', preserveAspectRatio: 'none', 'aria-hidden': 'true', class: 'bars' });
  days.forEach((day, i) => {
    const { good, bad } = heights(day, most), group = svg('g', {}), title = svg('title', {});
    title.textContent = day.day + ': ' + number(day.good) + ' ' + words.good + ', ' + number(day.bad) + ' ' + words.bad;
    group.append(title, svg('rect', { x: i * 10, y: 0, width: 10, height: 100, class: 'any' }));
    if (good) group.append(svg('rect', { x: i * 10 + 1, y: 100 - good, width: 8, height: good, class: 'good' }));
    if (bad) group.append(svg('rect', { x: i * 10 + 1, y: 100 - good - bad, width: 8, height: bad, class: 'bad' }));
    picture.append(group);
  });
  return picture;
}

// A bar of 100 lying on its side, for a row of a table.
function barOf(row, most) {
  const picture = svg('svg', { viewBox: '0 0 100 10', preserveAspectRatio: 'none', 'aria-hidden': 'true', class: 'bar-of' });
  const { good, bad } = heights(row, most);
  picture.append(svg('rect', { x: 0, y: 1, width: bad, height: 8, class: 'bad' }), svg('rect', { x: bad, y: 1, width: good, height: 8, class: 'good' }));
  return picture;
}

// heads: texts; rows: of texts and elements. The first column names its row.
function tableOf(caption, heads, rows) {
  const table = make('table'), head = make('thead'), body = make('tbody'), top = make('tr');
  table.append(make('caption', '', caption), head, body);
  for (const text of heads) { const cell = make('th', '', text); cell.scope = 'col'; top.append(cell); }
  head.append(top);
  for (const row of rows) {
    const line = make('tr');
    row.forEach((cell, i) => { const e = make(i ? 'td' : 'th'); if (!i) e.scope = 'row'; e.append(cell); line.append(e); });
    body.append(line);
  }
  return table;
}

function legend(words) {
  const out = make('span', 'legend');
  out.append(make('span', 'swatch good', ''), words.good, make('span', 'swatch bad', ''), words.bad);
  return out;
}

// Numbers by day. words: how the two kinds are called.
function chart(name, title, days, words) {
  const figure = make('figure', 'chart'), caption = make('figcaption'), most = Math.max(...days.map((d) => d.good + d.bad));
  const good = days.reduce((n, d) => n + d.good, 0), bad = days.reduce((n, d) => n + d.bad, 0);
  caption.append(make('strong', '', title), ' ', make('span', 'meta', number(good) + ' ' + words.good + ', ' + number(bad) + ' ' + words.bad + ' (' + share(good, bad) + ')'), legend(words));
  const axis = make('div', 'axis');
  axis.append(make('span', '', days[0].day), make('span', '', 'at most ' + number(most) + ' a day'), make('span', '', days[days.length - 1].day));
  const rows = days.filter((d) => d.good + d.bad).reverse().map((d) => [d.day, number(d.good), number(d.bad), share(d.good, d.bad)]);
  figure.append(caption, barsOf(days, most, words), axis, fold('table of ' + name, 'As a table', tableOf(title, ['Day (UTC)', words.good, words.bad, 'Share ' + words.good], rows)));
  figure.dataset.chart = name;
  return figure;
}
)js";

}  // namespace postern::api
