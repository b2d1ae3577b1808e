// Writing a message of the X.400 mailbox. The form keeps what is in it while one looks at other things.
#include "api/x400_page.hpp"

namespace postern::api {

const std::string_view kX400WriteScript = R"js('use strict';
const linesOf = (id) => $(id).value.split('\n').map((l) => l.trim()).filter(Boolean);

// The octets of a file in base64, without the head of a data: address.
const base64Of = (file) => new Promise((done, failed) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result.slice(reader.result.indexOf(',') + 1));
  reader.onerror = () => failed(Object.assign(new Error('the file ' + file.name + ' cannot be read; choose it again'), { said: true }));
  reader.readAsDataURL(file);
});

// The body of POST messages.
async function written() {
  const body = { to: linesOf('w-to'), cc: linesOf('w-cc'), bcc: linesOf('w-bcc') };
  for (const name of ['report', 'receipt', 'priority', 'importance']) body[name] = $('w-' + name).value;
  if ($('w-latest').value) body.latest_delivery = timeIn($('w-latest'));
  if (answering) body.reply_to = answering;
  const raw = $('w-content').files[0];
  if (raw) body.content = { base64: await base64Of(raw), type: $('w-type').value.trim() };
  else {
    body.subject = $('w-subject').value; body.text = $('w-text').value;
    body.attachments = await Promise.all([...$('w-files').files].map(async (file) => ({ name: file.name, base64: await base64Of(file) })));
  }
  return body;
}

let answering = null;  // the message that is replied to
function forget() {
  $('write').reset();
  $('w-copies').open = $('w-raw').open = false;
  $('w-own').hidden = false;
  $('w-wrong').hidden = true;
  answering = null;
}

const isEmpty = () => !$('w-to').value && !$('w-cc').value && !$('w-bcc').value && !$('w-subject').value && !$('w-text').value && !$('w-files').files.length && !$('w-content').files.length;

async function keepDraft(then) {
  if (!$('write').reportValidity()) return;
  $('w-keep').disabled = $('w-submit').disabled = true;
  $('w-wrong').hidden = true;
  try {
    const draft = await call('POST', api + 'messages', await written());
    forget();
    say('It lies in the drafts.', 'ok');
    location.hash = there(draft);
    if (then) then(draft);
  } catch (error) {
    if (error.token) askForToken();
    $('w-wrong').textContent = 'It was not kept: ' + inWords(error);
    $('w-wrong').hidden = false;
    $('w-wrong').scrollIntoView({ block: 'nearest' });
  }
  $('w-keep').disabled = $('w-submit').disabled = false;
}

function drop() {
  const leave = () => { forget(); location.hash = link({ folder: 'inbox' }); };
  if (isEmpty()) return leave();
  ask({ title: 'Discard what is written?', text: 'It is nowhere else.', go: 'Discard', grave: true, run: async () => leave() });
}

// What a reply begins with, unless something is written already.
async function beginReply(id) {
  if (answering === id) return;
  if (!isEmpty()) return say('There is an unfinished message here. Keep or discard it, and reply then.', 'warn');
  const m = await call('GET', messagePath(id));
  answering = id;
  $('w-to').value = m.from;
  $('w-subject').value = /^re:/i.test(m.subject) ? m.subject : 'Re: ' + m.subject;
  $('w-text').focus();
}

$('write').addEventListener('submit', (event) => { event.preventDefault(); keepDraft(askSubmit); });
$('w-keep').addEventListener('click', () => keepDraft());
$('w-drop').addEventListener('click', drop);
$('w-content').addEventListener('change', () => { $('w-own').hidden = $('w-content').files.length > 0; });
)js";

}  // namespace postern::api
