// The X.400 mailbox: folders, lists, associations. Where one is stands in the address's fragment (#folder=inbox&message=ID), so that links,
// "back" and a new tab work; what is shown follows the gateway by asking it again every few seconds.
#include "api/x400_page.hpp"

namespace postern::api {

const std::string_view kX400Script = R"js('use strict';
const folderWords = { inbox: 'Inbox', drafts: 'Drafts', outbox: 'Outbox', quarantine: 'Quarantine', sent: 'Sent', archive: 'Archive' };
const emptyFolders = {
  inbox: 'Nothing has come yet. “Access now” brings in what the message store holds, as postern x400 access does.',
  drafts: 'No drafts. “New message” makes one, as postern x400 create --to ADDRESS --subject Hello --text Hi does.',
  outbox: 'Nothing is on its way, and nothing is stuck.',
  quarantine: 'Nothing waits for approval. What is submitted with strategy 4 waits here: postern x400 submit ID --strategy 4.',
  sent: 'Nothing was sent yet. Keep a draft and submit it: postern x400 submit ID.',
  archive: 'Nothing is archived. “Archive” at a message brings it here.',
};
const folderWord = (name) => folderWords[name] || name;
const pageSize = 50;
let folderNames = Object.keys(folderWords);

// What a list is narrowed to, by its names in the API.
const filterFields = { from: 'trimmed', to: 'trimmed', subject: 'trimmed', content_identifier: 'trimmed', since: 'time', until: 'time', kind: 'choice', state: 'choice', priority: 'choice', outcome: 'choice', reports: 'choice' };

// Where one is.
function place() {
  const p = new URLSearchParams(location.hash.slice(1));
  return { filter: Object.fromEntries(Object.keys(filterFields).map((name) => [name, p.get(name)]).filter(([, value]) => value)), folder: p.get('folder'), before: p.get('before') || '', message: p.get('message'), write: p.get('write'), view: p.get('view') };
}

// A list as one is looking at it; another folder's is whole.
function listAgain(folder) { const at = place(); return link({ folder, ...(at.folder === folder ? at.filter : {}) }); }

// What has the focus has it again after it was drawn anew.
function redraw(parent, ...children) {
  const at = document.activeElement, key = parent.contains(at) && at.dataset.key;
  parent.replaceChildren(...children);
  const again = key && [...parent.querySelectorAll('[data-key]')].find((e) => e.dataset.key === key);
  if (again) again.focus({ preventScroll: true });
}

// ---- the mailbox as a whole
function showMailbox(m) {
  if (!isNew('mailbox', m)) return;
  const out = [badge(m.mode, m.mode === 'mock' ? 'warn' : 'ok', m.mode === 'mock' ? 'a small message system in this process, for trying out' : 'transport.mode')];
  const wrong = (m.findings || []).filter((f) => findingKind(f.state) === 'bad').length, doubtful = (m.findings || []).filter((f) => findingKind(f.state) === 'warn').length;
  if (!m.ok) out.push(badge('in trouble', 'bad'));
  if (wrong) out.push(badge(counted(wrong, 'fault', 'faults'), 'bad'));
  if (doubtful) out.push(badge(counted(doubtful, 'warning', 'warnings'), 'warn'));
  const text = make('span'), last = make('span', 'soft');
  text.append(make('strong', '', shortName(m.user || '') || 'nobody'));
  text.title = m.user || '';
  if (m.peer) text.append(' at ' + m.peer);
  if (m.last_access) last.append('last access ', when(m.last_access)); else last.append('not accessed yet');
  out.push(text, last);
  if (m.text && !m.ok) out.push(make('span', 'wrong', m.text));
  redraw($('box'), ...out);
}

function showFolders(folders, at) {
  folderNames = folders.map((f) => f.name);
  if (!isNew('folders', [folders, at.folder, at.view])) return;
  const items = folders.map((f) => {
    const li = make('li'), a = make('a'), count = make('span', 'count');
    if (f.unopened) count.append(make('b', '', f.unopened.toLocaleString()), ' of ');
    count.append(f.messages.toLocaleString());
    a.setAttribute('aria-label', folderWord(f.name) + ', ' + counted(f.messages, 'message', 'messages') + (f.unopened ? ', ' + f.unopened + ' unopened' : ''));
    a.append(make('span', '', folderWord(f.name)), count);
    a.href = link({ folder: f.name });
    a.dataset.key = 'folder ' + f.name;
    if (f.name === at.folder) a.setAttribute('aria-current', 'page');
    li.append(a);
    return li;
  });
  const li = make('li', 'apart'), a = make('a', '', 'Associations');
  a.href = link({ view: 'associations' });
  a.dataset.key = 'associations';
  if (at.view) a.setAttribute('aria-current', 'page');
  li.append(a);
  redraw($('folder-list'), ...items, li);
  $('news').textContent = folders.filter((f) => f.unopened).map((f) => folderWord(f.name) + ': ' + f.unopened + ' unopened').join(', ');
  const here = folders.find((f) => f.name === at.folder);
  $('folder-remove').hidden = !here || !here.own || here.messages > 0;
}

// ---- a list
function row(m, at) {
  const li = make('li'), a = make('a', 'row' + (m.state === 'received' && !m.opened ? ' new' : '')), top = make('span'), low = make('span'), marks = make('span', 'tags'), time = make('span', 'soft');
  const who = bySender(m) ? 'to ' + ((m.to || []).map(shortName).join(', ') || 'nobody') : senderOf(m, shortName);
  a.href = link({ folder: at.folder, ...at.filter, ...(at.before ? { before: at.before } : {}), message: m.id });
  a.dataset.key = m.id;
  if (m.id === at.message) a.setAttribute('aria-current', 'true');
  time.append(when(bySender(m) ? m.changed : m.created));
  const title = make('span', 'title', titleOf(m)), whom = make('span', 'who', who);
  title.title = titleOf(m);
  whom.title = bySender(m) ? (m.to || []).join('\n') : m.from || '';
  top.append(title, time);
  low.append(whom, make('span', 'soft', m.size ? size(m.size) : ''));
  marks.append(...(a.classList.contains('new') ? [badge('new', 'seal')] : []), ...tags(m));
  a.append(top, low, marks);
  li.append(a);
  return li;
}

// The form says what the address says, until somebody changes it.
let listFolder = 'inbox';
function showFilter(at) {
  listFolder = at.folder;
  const count = Object.keys(at.filter).length;
  if (!isNew('filter', [at.folder, at.filter])) return;
  for (const [name, way] of Object.entries(filterFields)) ways[way].set($('f-' + name), at.filter[name]);
  $('find-head').textContent = count ? 'Filter: ' + counted(count, 'condition', 'conditions') : 'Filter';
}
function narrow(event) {
  event.preventDefault();
  const wanted = Object.entries(filterFields).map(([name, way]) => [name, ways[way].get($('f-' + name))]).filter(([, value]) => value);
  $('find').open = false;
  location.hash = link({ folder: listFolder, ...Object.fromEntries(wanted) });
}
function widen() { $('find').open = false; $('find-form').reset(); location.hash = link({ folder: listFolder }); }

function showList(list, at) {
  showFilter(at);
  $('list-title').textContent = folderWord(at.folder);
  if (!isNew('list', [list, at])) return;
  redraw($('rows'), ...list.messages.map((m) => row(m, at)));
  $('none').hidden = list.messages.length > 0;
  $('none').textContent = list.refused ? list.refused : list.next ? 'None of the newest is like that. “Older” looks further.' : at.before ? 'Nothing is older.' : Object.keys(at.filter).length ? 'None is like that.' : emptyFolders[at.folder] || 'This folder is empty. “Move…” at a message brings it here.';
  $('newest').hidden = !at.before;
  $('newest').href = link({ folder: at.folder, ...at.filter });
  $('older').hidden = !list.next;
  if (list.next) $('older').href = link({ folder: at.folder, ...at.filter, before: list.next });
  $('pages').hidden = !at.before && !list.next;
}

// ---- one message
// id -> a content and what is in it. A draft that is changed keeps its id: what is in it is shown for that content only.
const views = new Map();
const viewOf = (m) => { const kept = views.get(m.id); return kept && kept.sha256 === m.sha256 ? kept.view : null; };
function keepView({ view, ...m }) {
  views.set(m.id, { sha256: m.sha256, view: view || {} });
  return m;
}

async function lookAt(m) {
  keepView(await call('GET', messagePath(m.id) + '/view'));
  return follow();
}

// Opens what may be opened by looking at it; whoever may not open may look. The message as it is then, of one version with what is in it.
async function opening(m) {
  const open = m.state === 'received' && !m.opened;
  if (viewOf(m) || (open && m.receipt_requested)) return m;
  try { return keepView(await (open ? call('POST', messagePath(m.id) + '/open', { receipt: true }) : call('GET', messagePath(m.id) + '/view'))); }
  catch (error) {
    if (!open || error.status !== 403) throw error;
    return keepView(await call('GET', messagePath(m.id) + '/view'));
  }
}

function back(at) {
  const a = make('a', 'back', '← ' + folderWord(at.folder));
  a.href = link({ folder: at.folder, ...at.filter, ...(at.before ? { before: at.before } : {}) });
  a.dataset.key = 'back';
  return a;
}

// What was asked for by its id; what stands in the way of it as `refused`.
async function messageAt(at) {
  if (!at.message || at.write) return null;
  try {
    const m = await call('GET', messagePath(at.message));
    return await opening(m).catch((error) => { if (!error.said) throw error; return { ...m, unreadable: error.message }; });
  } catch (error) {
    if (!error.said) throw error;
    return { refused: error.status === 404 ? 'This message is not here any more.' : error.message };
  }
}

let shown = '';
function showMessage(m, at) {
  const view = m && m.id ? viewOf(m) : null;
  if (!isNew('message', [m, view, at.folder, at.before, at.filter])) return;
  if (!m) redraw($('reader'), make('p', 'soft', 'Choose a message to read it here.'));
  else if (m.refused) redraw($('reader'), back(at), make('p', '', m.refused));
  else redraw($('reader'), back(at), ...(m.unreadable ? [notice('It cannot be read: ' + m.unreadable, 'bad')] : []), ...messageView(m, view));
  if (shown === (at.message || '')) return;
  shown = at.message || '';
  $('reader').scrollTop = 0;
  const head = $('reader').querySelector('h2');
  if (head) head.focus({ preventScroll: true });
  if (head && window.innerWidth <= 900) $('reader').scrollIntoView();
}

// From a message back to its place in the list.
function leaveMessage(event) {
  const current = event.key === 'Escape' && $('rows').querySelector('[aria-current]');
  if (!current) return;
  if (current.checkVisibility()) current.focus(); else location.hash = $('reader').querySelector('.back').hash;
}

// ---- associations
const findingKind = (state) => ({ ok: 'ok', warning: 'warn', failed: 'bad' })[state] || '';
function card(title, mark, ...content) {
  const box = make('section', 'card'), head = make('h3', '', title);
  if (mark) head.append(mark);
  box.append(head, ...content);
  return box;
}
function findings(list) {
  const out = make('ul', 'plain');
  out.append(...list.map((f) => { const li = make('li'); li.append(badge(f.state, findingKind(f.state)), make('b', '', f.name), make('div', '', f.text)); return li; }));
  return out;
}
const linkKinds = { mailbox: 'mailbox', mta: 'MTA' }, linkStates = { bound: 'ok', failed: 'bad' };

function transportCard(m) {
  const list = make('dl');
  field(list, 'Mode', m.mode);
  if (m.profile) field(list, 'Profile', m.profile);
  field(list, 'User', m.user || 'nobody');
  if (m.peer) field(list, 'Peer', m.peer);
  if (m.text) field(list, 'Last heard', m.text);
  field(list, 'Last access', ...(m.last_access ? [when(m.last_access)] : ['none yet']));
  return card('Mailbox', badge(m.ok ? 'all right' : 'in trouble', m.ok ? 'ok' : 'bad'), list, make('p', 'soft', 'postern x400 bind-test says step by step what the peer answers.'));
}

function linksCard(list) {
  if (!list.length) return card('Associations', null, make('p', 'soft', 'None now. They are made when there is something to ask or to transfer.'));
  const out = make('ul', 'plain');
  out.append(...list.map((l) => { const li = make('li'); li.append(badge(l.state, linkStates[l.state]), make('b', '', l.name || 'no profile'), ' ', make('span', 'soft', linkKinds[l.kind] || l.kind)); if (l.text) li.append(make('div', '', l.text)); return li; }));
  return card('Associations', null, out);
}

function mailboxesCard(found) {
  if (!found) return card('Mailboxes served here', null, make('p', 'soft', 'No MTA runs here. x400.domain in the configuration makes this daemon one, with mailboxes of its own.'));
  if (!found.length) return card('Mailboxes served here', null, make('p', 'soft', 'None yet: postern x400 mailbox add ADDRESS makes one.'));
  return card('Mailboxes served here', badge(found.length.toLocaleString()), listed(found.map((b) => b.address)));
}

function bundleCard() {
  return card('Trace bundle', null, make('p', 'soft', 'Times, states, sizes and steps for support: no address, subject or content is in it.'), keepButton('Save the trace bundle', () => keepFile('/trace/bundle', 'x400-trace.jsonl')));
}

function showLinks(mailbox, links, boxes) {
  if (!isNew('links', [mailbox, links, boxes])) return;
  const list = mailbox.findings || [];
  redraw($('links'), transportCard(mailbox), card('What was looked at', null, list.length ? findings(list) : make('p', 'soft', 'Nothing: mode ' + mailbox.mode + ' has no profile to look at.')), linksCard(links.associations), mailboxesCard(boxes), bundleCard());
}

// ---- following
// Those that an MTA of this daemon serves; null where it is none, or one may not see them.
async function mailboxesHere() {
  if (!(await (await fetch('/status')).json()).x400) return null;
  try { return (await call('GET', api + 'mailboxes')).mailboxes; }
  catch (error) { if (error.status === 403) return null; throw error; }
}

// Not every role sees every folder.
async function listAt(at) {
  try { return await call('GET', api + 'messages?' + new URLSearchParams({ folder: at.folder, limit: pageSize, ...at.filter, ...(at.before ? { before: at.before } : {}) })); }
  catch (error) { if (!error.said) throw error; return { messages: [], next: null, refused: error.message }; }
}

function showView(at) {
  const view = at.write ? 'write' : at.view ? 'links' : at.message ? 'message' : 'list';
  $('x400').dataset.view = view;
  $('write').hidden = view !== 'write';
  $('links').hidden = view !== 'links';
  $('list').hidden = $('reader').hidden = view === 'write' || view === 'links';
}

function showAbsent(why) {
  $('absent').hidden = why === '';
  $('absent-why').textContent = why;
  $('mailbox').hidden = $('panes').hidden = why !== '';
}

let pause = 4000;  // until it looks again, in milliseconds: what is on its way is soon another

// What belongs to one place, all of it, before any of it is shown.
async function load(isLast) {
  const at = place(), mailbox = await call('GET', api + 'mailbox'), m = await messageAt(at);
  at.folder = at.folder || (m && m.folder) || (at.view || at.write ? '' : 'inbox');
  const list = at.folder ? listAt(at) : null, links = at.view ? call('GET', api + 'associations') : null, boxes = at.view ? mailboxesHere() : null;
  const got = await Promise.all([call('GET', api + 'folders'), list, links, boxes]);
  if (!isLast()) return;
  $('login').hidden = true;
  document.querySelector('main').hidden = false;
  showAbsent('');
  showView(at);
  if (troubled) say('');
  troubled = false;
  showMailbox(mailbox);
  showFolders(got[0].folders, at);
  if (got[1]) { showList(got[1], at); showMessage(m, at); }
  if (got[2]) showLinks(mailbox, got[2], got[3]);
  pause = m && ['queued', 'submitting'].includes(m.state) ? 1000 : 4000;
}

function trouble(error) {
  if (error.token) return askForToken();
  if (!error.said) return;  // the gateway is away: the status bar says so
  $('login').hidden = true;
  document.querySelector('main').hidden = false;
  if (error.status === 404) return showAbsent(error.message);
  say('It cannot be shown: ' + error.message, 'bad');
  troubled = true;
}
let troubled = false;

// The answer to the last question counts, whichever comes last.
let turn = 0, next = 0;
async function follow() {
  const mine = ++turn, isLast = () => mine === turn;
  clearTimeout(next);
  try { await load(isLast); } catch (error) { if (isLast()) trouble(error); }
  if (isLast() && $('login').hidden) next = setTimeout(follow, pause);
}

function begin() {
  const at = place();
  const begun = { reply: beginReply, edit: beginEdit, new: beginNew }[at.write];
  if (begun) Promise.resolve(begun(at.message)).catch((error) => complain('', error));
  follow();
}

addEventListener('hashchange', begin);
$('reader').addEventListener('keydown', leaveMessage);
$('access').addEventListener('click', accessNow);
$('find-form').addEventListener('submit', narrow);
$('find-none').addEventListener('click', widen);
$('folder-new').addEventListener('click', askFolder);
$('folder-remove').addEventListener('click', () => askRemoveFolder(place().folder));
onToken(begin);
begin();
)js";

}  // namespace postern::api
