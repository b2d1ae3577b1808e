// One message of the X.400 mailbox: its heading and parts, each recipient's outcome, how it came to be where it is. Everything from a
// message is put into the page as text.
#include "api/x400_page.hpp"

namespace postern::api {

const std::string_view kX400MessageScript = R"js('use strict';
// docs/x400-mailbox.md "States".
const states = {
  received: { word: 'received' },
  draft: { word: 'draft' },
  held: { word: 'waits for approval', kind: 'warn', hint: 'Nothing has left yet. It goes out when somebody approves it.' },
  refused: { word: 'refused', kind: 'bad', hint: 'It was refused and has not left.' },
  queued: { word: 'to be submitted', hint: 'The peer has nothing yet. It goes on by itself, after a restart as well.' },
  submitting: { word: 'being submitted' },
  unknown: { word: 'outcome unknown', kind: 'bad', hint: 'It was given to the peer, and no answer came. It is never submitted again by itself: a report or notification settles it, or you do.' },
  failed: { word: 'not submitted', kind: 'bad', hint: 'It surely has not left. Submit it again when the cause is gone.' },
  submitted: { word: 'submitted', kind: 'ok' },
  cancelled: { word: 'taken back', kind: 'warn', hint: 'It was taken back before its delivery time.' },
};
const outcomes = {
  waiting: { word: 'nothing heard yet' },
  delivered: { word: 'delivered', kind: 'ok', by: 'delivery report (DR)' },
  'not delivered': { word: 'not delivered', kind: 'bad', by: 'non-delivery report (NDR)' },
  read: { word: 'read', kind: 'ok', by: 'receipt notification (RN)' },
  'not read': { word: 'not read', kind: 'warn', by: 'non-receipt notification (NRN)' },
};
const kindWords = { report: 'Report', notification: 'Notification' };
const strategyWords = ['0 immediate', '1 with trace', '2 deferred', '3 with stored copy', '4 quarantine', '5 pass-through'];

const api = '/api/v1/x400/';
const messagePath = (id) => api + 'messages/' + encodeURIComponent(id);
const link = (fields) => '#' + new URLSearchParams(fields);
const size = (n) => n < 1024 ? counted(n, 'octet', 'octets') : n < 1048576 ? (n / 1024).toFixed(1) + ' KiB' : (n / 1048576).toFixed(1) + ' MiB';
const bySender = (m) => m.state !== 'received';
const later = (time) => Boolean(time) && new Date(time) > new Date();

// "C=DE;A= ;P=NORTH;S=Doe;G=Jane" as "Jane Doe (NORTH)": for lists; the whole address is the title. A semicolon in a value is doubled.
function shortName(address) {
  const of = {};
  for (const piece of address.replaceAll(';;', '\0').split(';')) {
    const at = piece.indexOf('=');
    if (at > 0) of[piece.slice(0, at).trim().toUpperCase()] = piece.slice(at + 1).replaceAll('\0', ';').trim();
  }
  const name = of.CN || [of.G, of.I, of.S].filter(Boolean).join(' ');
  const where = of.O || of.P || of.A;
  return name ? name + (where ? ' (' + where + ')' : '') : address;
}

// An address that breaks between its attributes, where it has to.
function wrapped(address) {
  const out = make('span');
  for (const piece of address.split(/(?<=;)/)) out.append(piece, make('wbr'));
  return out;
}

// Reports come from the message transfer system itself (X.411 8.3.1.2).
function senderOf(m, words) { return m.from ? words(m.from) : m.kind === 'report' ? 'the message transfer system' : 'nobody named'; }
// A report has the subject of what it is about.
const titleOf = (m) => [kindWords[m.kind], m.subject].filter(Boolean).join(': ') || '(no subject)';

function stateBadge(m) {
  const s = states[m.state] || { word: m.state };
  return m.state === 'submitted' && later(m.deferred_until) ? badge('waits for its delivery time', '', m.deferred_until) : badge(s.word, s.kind, m.state);
}
function outcomeBadge(name) { const o = outcomes[name] || { word: name }; return badge(o.word, o.kind, o.by || ''); }

// The transport's verdict on an S/MIME content; nothing where it was none.
function smimeOf(m) {
  try { return JSON.parse((m.attributes || {})['postern.smime'] || 'null'); } catch { return null; }
}
function smimeBadge(v) {
  if (!v.opened) return badge('S/MIME not opened', 'bad', v.text);
  const words = [v.signed ? (v.valid ? 'signed' : 'signature not valid') : '', v.encrypted ? 'encrypted' : ''].filter(Boolean).join(', ');
  return badge('S/MIME ' + words, v.signed ? (v.valid ? 'ok' : 'bad') : 'seal', v.text);
}

// What is to be known of a message at a glance, in lists and above it.
function tags(m) {
  const out = [];
  if (kindWords[m.kind]) out.push(badge(kindWords[m.kind].toLowerCase(), 'seal'));
  if (bySender(m)) out.push(stateBadge(m));
  if (m.outcome) out.push(outcomeBadge(m.outcome));
  const smime = smimeOf(m);
  if (smime) out.push(smimeBadge(smime));
  if (!bySender(m) && m.receipt_requested && !m.opened) out.push(badge('asks for a receipt', 'warn'));
  if (m.importance && m.importance !== 'normal') out.push(badge(m.importance + ' importance', m.importance === 'high' ? 'warn' : ''));
  if (m.sensitivity && m.sensitivity !== 'none') out.push(badge(m.sensitivity.replace('_', ' '), 'warn'));
  if (m.priority && m.priority !== 'normal') out.push(badge(m.priority.replace('_', '-'), m.priority === 'urgent' ? 'warn' : ''));
  return out;
}

function field(list, name, ...content) { const value = make('dd'); value.append(...content); list.append(make('dt', '', name), value); }

// Octets as a file of the browser's. The token goes in a header, so a plain link to the API will not do.
function save(blob, name) {
  const url = URL.createObjectURL(blob), a = make('a');
  a.href = url; a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 60000);
}
async function keepFile(path, name) { save(await (await request('GET', path)).blob(), name); }

// A content may be larger than one answer: pieces, one behind the other.
async function keepContent(id, copy) {
  const pieces = [];
  let got = 0, all = 1;
  while (got < all) {
    const answer = await request('GET', messagePath(id) + '/content?' + new URLSearchParams({ copy, from: got })), piece = await answer.blob();
    all = Number(answer.headers.get('X-Content-Size'));
    if (!piece.size) break;
    got += piece.size;
    pieces.push(piece);
  }
  save(new Blob(pieces), id + (copy ? '-' + copy : '') + '.p22');
}

function keepButton(words, keep) {
  const button = make('button', '', words);
  button.type = 'button';
  button.dataset.key = words;
  button.addEventListener('click', async () => {
    button.disabled = true;
    try { await keep(); } catch (error) { complain(words + ': ', error); }
    button.disabled = false;
  });
  return button;
}

function part(p, id) {
  const box = make('div', 'part');
  if (p.message) {
    const within = make('div', 'within');
    within.append(...content(p.message, id));
    box.append(make('div', 'soft', 'Message ' + p.number + (p.message.subject ? ': ' + p.message.subject : '')), within);
  } else if (p.kind === 'text') box.append(make('pre', '', p.text));
  else {
    const line = make('div', 'file'), what = make('span');
    what.append(make('strong', '', p.file || 'part ' + p.number), ' ', make('span', 'soft', [p.type, p.octets === undefined || p.octets === null ? '' : size(p.octets)].filter(Boolean).join(' · ')));
    line.append(what);
    if (p.file) line.append(keepButton('Save ' + p.file, () => keepFile(messagePath(id) + '/parts/' + encodeURIComponent(p.number), p.file)));
    box.append(line);
    if (p.text) box.append(make('pre', '', p.text));
  }
  if (p.remark) box.append(make('p', 'soft', p.remark));
  return box;
}

// What X.420 put in it: fields in words, parts.
function content(view, id) {
  const out = [], list = make('dl');
  for (const f of view.fields || []) field(list, f.name, f.text);
  if (list.firstChild) out.push(list);
  out.push(...(view.parts || []).map((p) => part(p, id)));
  if (view.cut) out.push(make('p', 'soft', 'There is more in it than is shown here; the content as it came has all of it.'));
  return out;
}

function person(m, r) {
  const line = make('li'), top = make('div', 'top'), o = outcomes[r.outcome] || {}, times = make('div', 'soft');
  if (r.kind && r.kind !== 'to') top.append(make('span', 'soft', r.kind));
  top.append(wrapped(r.address));
  if (m.outcome || r.outcome !== 'waiting') top.append(outcomeBadge(r.outcome));  // before it is submitted there is nothing to hear
  line.append(top);
  if (r.words && r.words !== r.outcome) line.append(make('div', '', r.words));
  if (o.by) times.append(o.by);
  if (r.delivered_at) times.append(times.firstChild ? ' · ' : '', 'delivered ', when(r.delivered_at));
  if (r.read_at) times.append(' · read ', when(r.read_at));
  if (times.firstChild) line.append(times);
  const asked = [r.return_message ? 'the message back if it is not read' : '', r.reply_requested ? 'an answer' : ''].filter(Boolean).join(', ');
  if (asked) line.append(make('div', 'soft', 'asked for: ' + asked));
  if (r.precedence !== null && r.precedence !== undefined) line.append(make('div', 'soft', 'precedence ' + r.precedence));
  if (r.alternate) line.append(make('div', 'soft', 'where he cannot, to ' + r.alternate));
  if (r.actual) line.append(make('div', 'soft', 'went to ' + r.actual));
  return line;
}

function people(m) {
  if (!m.recipients || !m.recipients.length) return [];
  const list = make('ul', 'people');
  list.append(...m.recipients.map((r) => person(m, r)));
  list.tabIndex = 0;  // it scrolls
  return [make('h3', '', bySender(m) ? 'Recipients' : 'What it says'), list];
}

function facts(m) {
  const list = make('dl'), say = (name, text) => { if (text) field(list, name, text); };
  if (m.created) field(list, bySender(m) ? 'Written' : 'Came', when(m.created));
  if (m.deferred_until) field(list, 'Deferred until', when(m.deferred_until));
  if (m.latest_delivery) field(list, 'Deliver at the latest', when(m.latest_delivery));
  if (m.expires) field(list, 'Of no use after', when(m.expires));
  if (m.reply_by) field(list, 'Answer by', when(m.reply_by));
  say('Strategy', strategyWords[m.strategy]);
  say('Content identifier', m.content_identifier);
  if (m.flags && m.flags.length) say('Flags', m.flags.map((name) => name.replaceAll('_', ' ')).join(', '));
  say('MTS identifier', m.mts_identifier);
  say('IPM identifier', m.ipm_identifier);
  if (m.size) say('Content', 'type ' + m.content_type + ', ' + size(m.size));
  say('SHA-256', m.sha256);
  if (m.sequence) say('In the store', 'entry ' + m.sequence);
  for (const [name, text] of Object.entries(m.attributes || {})) if (name !== 'postern.smime') say(name, String(text));
  return list;
}

function copies(m) {
  return (m.copies || []).map((c, n, all) => {
    const line = make('li');
    if (all.length > 1) line.append(make('div', '', (c.recipients || []).join(', ')), stateBadge({ state: c.state }), ' ');
    if (c.mts_identifier) line.append(make('div', 'soft', c.mts_identifier));
    line.append(keepButton('Save the content' + (all.length > 1 ? ' of copy ' + (n + 1) : '') + ' as it ' + (bySender(m) ? 'goes' : 'came'), () => keepContent(m.id, n)));
    return line;
  });
}

function steps(list) {
  const out = make('ol', 'steps');
  out.append(...list.map(([time, ...words]) => { const line = make('li'), text = make('span'); text.append(...words); line.append(when(time), text); return line; }));
  return out;
}
function historyOf(m) { return steps((m.history || []).map((h) => [h.time, make('b', '', h.what), (h.who ? ' by ' + h.who : '') + (h.text ? ': ' + h.text : '')])); }

// Each step of a submission, when somebody looks.
function trace(m) {
  const into = make('div', '', 'Reading…'), box = fold('trace ' + m.id, 'Trace of the submission', into);
  const read = async () => {
    try {
      const found = (await call('GET', messagePath(m.id) + '/trace')).trace;
      into.replaceChildren(found.length ? steps(found.map((s) => [s.time, badge(s.ok ? 'ok' : 'failed', s.ok ? 'ok' : 'bad'), ' ', make('b', '', s.step), ' ' + s.ms + ' ms' + (s.text ? ': ' + s.text : '')]))
        : make('p', 'soft', 'No step was kept. Strategy 1 keeps each of them.'));
    } catch (error) { into.textContent = inWords(error); }
  };
  box.addEventListener('toggle', () => { if (box.open) read(); });
  return box;
}

function details(m) {
  const list = make('ul', 'plain'), out = [fold('facts ' + m.id, 'Envelope and identifiers', facts(m))];
  list.append(...copies(m));
  if (list.firstChild) out.push(fold('copies ' + m.id, m.copies.length > 1 ? m.copies.length + ' copies' : 'Content', list));
  if (m.history && m.history.length) out.push(fold('history ' + m.id, 'History', historyOf(m)));
  if (m.strategy === 1) out.push(trace(m));
  return out;
}

function notice(text, kind) { return make('p', 'say ' + (kind || ''), text); }

function about(m) {
  if (m.kind === 'message' || !m.kind) return [];
  if (!m.subject_message) return [make('p', 'soft', 'The message that it is about is not here.')];
  const p = make('p'), a = make('a', '', 'the message that was sent');
  a.href = link({ message: m.subject_message });
  a.dataset.key = 'about';
  p.append('This ' + m.kind + ' is about ', a, '.');
  return [p];
}

// m: the message. view: what is in it; null while it is closed.
function messageView(m, view) {
  const head = make('h2', '', titleOf(m)), line = make('div', 'facts'), who = make('dl'), where = make('a', '', folderWord(m.folder)), s = states[m.state] || {};
  head.tabIndex = -1;
  head.dataset.key = 'title';
  where.href = link({ folder: m.folder });
  where.dataset.key = 'folder';
  line.append(...tags(m), 'in ', where);
  field(who, 'From', senderOf(m, wrapped));
  if (m.to && m.to.length && !(bySender(m) && m.recipients && m.recipients.length)) field(who, 'To', ...m.to.flatMap((each, n) => n ? [make('br'), wrapped(each)] : [wrapped(each)]));
  const smime = smimeOf(m);
  if (smime && smime.text) field(who, 'S/MIME', smime.text);
  field(who, bySender(m) ? 'Changed' : 'Came', when(bySender(m) ? m.changed : m.created));
  const out = [head, line, who, ...about(m)];
  if (m.reason) out.push(notice(m.reason, s.kind === 'bad' ? 'bad' : 'warn'));
  if (s.hint) out.push(notice(s.hint, s.kind === 'bad' && !m.reason ? 'bad' : 'soft'));
  out.push(acts(m), ...people(m), ...receiptQuestion(m, view));
  if (view && view.parts) out.push(...content({ ...view, fields: [] }, m.id));
  else if (view && m.size) out.push(make('p', 'soft', 'The content is no interpersonal message, or too large to be shown here. It can be saved below as it is.'));
  if (view && view.fields && view.fields.length) out.push(fold('heading ' + m.id, 'Heading', content({ fields: view.fields }, m.id)[0]));
  out.push(...details(m));
  return out;
}
)js";

}  // namespace postern::api
