#include "mhs/kept_transfer.hpp"

#include "base/log.hpp"
#include "base/text.hpp"

namespace postern::mhs {
namespace {

using asn1::field;
using asn1::OctetString;
using asn1::Of;
using asn1::Type;

OctetString octets_of(ByteView octets) { return OctetString(Bytes(octets.begin(), octets.end())); }

// ---- the note, in clear
struct SavedPoint {
  OctetString activity;
  std::optional<osi::SessionConnectionIdentifier> connection;
  std::int64_t serial = 0;
  std::int64_t octets = 0;
  friend bool operator==(const SavedPoint&, const SavedPoint&) = default;
};
const Type& schema(Of<SavedPoint>) {
  using T = SavedPoint;
  static const Type type = asn1::sequence<T>("SavedPoint", {field<&T::activity>("activity"), field<&T::connection>("connection"),
                                                            field<&T::serial>("serial"), field<&T::octets>("octets")});
  return type;
}
struct SavedNote {
  std::int64_t version = 1;
  OctetString peer;
  std::int64_t octets = 0;
  std::vector<SavedPoint> points;
};
const Type& schema(Of<SavedNote>) {
  using T = SavedNote;
  static const Type type = asn1::sequence<T>(
      "SavedNote", {field<&T::version>("version"), field<&T::peer>("peer"), field<&T::octets>("octets"), field<&T::points>("points")});
  return type;
}

// ---- the secret: octets of the content may stand in it
struct SavedFate {
  OctetString route, text;
  friend bool operator==(const SavedFate&, const SavedFate&) = default;
};
const Type& schema(Of<SavedFate>) {
  using T = SavedFate;
  static const Type type = asn1::sequence<T>("SavedFate", {field<&T::route>("route"), field<&T::text>("text")});
  return type;
}
struct SavedSecret {
  OctetString reader;
  std::vector<SavedFate> fates;
  std::vector<OctetString> envelopes;  ///< Of the points, in their order.
};
const Type& schema(Of<SavedSecret>) {
  using T = SavedSecret;
  static const Type type =
      asn1::sequence<T>("SavedSecret", {field<&T::reader>("reader"), field<&T::fates>("fates"), field<&T::envelopes>("envelopes")});
  return type;
}

Result<std::string> note_of(const OpenTransfer& open, const std::string& peer) {
  SavedNote note;
  note.peer = octets_of(as_bytes(peer));
  note.octets = static_cast<std::int64_t>(open.in->octets());
  for (const osi::ResumePoint& point : open.points)
    note.points.push_back({octets_of(point.activity), point.connection, point.serial, static_cast<std::int64_t>(point.octets)});
  POSTERN_TRY(const Bytes encoded, asn1::encode(note));
  return hex_encode(encoded);
}

Result<Bytes> secret_of(const OpenTransfer& open) {
  SavedSecret secret;
  secret.reader = octets_of(open.in->state());
  for (const Fate& fate : *open.fates) secret.fates.push_back({octets_of(as_bytes(fate.route)), octets_of(as_bytes(text_of(fate)))});
  for (const osi::ResumePoint& point : open.points) secret.envelopes.push_back(octets_of(point.envelope));
  return asn1::encode(secret);
}

Result<KeptTransfer> asleep(const StagedFacts& facts) {
  const auto octets = hex_decode(facts.note);
  if (!octets || octets->empty()) return fail(ErrorCode::BadInput, "nothing says how it goes on");
  POSTERN_TRY(const SavedNote note, asn1::decode<SavedNote>(*octets));
  if (note.version != 1 || note.points.size() > kResumePoints) return fail(ErrorCode::BadInput, "written by another version");
  KeptTransfer out;
  out.peer = as_text(note.peer.octets);
  out.transfer.asleep = facts.message;
  out.transfer.octets = static_cast<std::uint64_t>(note.octets);
  for (const SavedPoint& saved : note.points) {
    osi::ResumePoint point;
    point.activity = saved.activity.octets;
    point.connection = saved.connection;
    point.serial = static_cast<osi::SerialNumber>(saved.serial);
    point.octets = static_cast<std::uint64_t>(saved.octets);
    out.transfer.points.push_back(std::move(point));
  }
  return out;
}

/// The front of the stored form (frame and envelope) as it passes by.
class Front {
 public:
  void take(ByteView octets) {
    if (m_wanted <= m_octets.size()) return;
    append(m_octets, octets.first(std::min(octets.size(), m_wanted - m_octets.size())));
    if (m_wanted != kStoredFrame || m_octets.size() < kStoredFrame) return;
    const auto frame = parse_stored_frame(m_octets);
    m_wanted = frame ? frame->content_at() : 0;
    take(octets.size() > kStoredFrame ? octets.subspan(kStoredFrame) : ByteView());
  }
  Result<mts::MessageTransferEnvelope> envelope() const {
    if (m_octets.size() < kStoredFrame || m_octets.size() != m_wanted) return fail(ErrorCode::IntegrityFailed, "its envelope is not whole");
    return asn1::decode<mts::MessageTransferEnvelope>(ByteView(m_octets).subspan(kStoredFrame), stored_form_options());
  }

 private:
  Bytes m_octets;
  std::size_t m_wanted = kStoredFrame;
};

Status take_secret(OpenTransfer& open, const SavedSecret& secret) {
  if (secret.envelopes.size() != open.points.size())
    return fail(ErrorCode::IntegrityFailed, "note and secret are of different checkpoints");
  open.fates = std::make_shared<std::vector<Fate>>();
  for (const SavedFate& saved : secret.fates) {
    POSTERN_TRY(Fate fate, parse_fate(as_text(saved.text.octets)));
    fate.route = as_text(saved.route.octets);
    open.fates->push_back(std::move(fate));
  }
  for (std::size_t i = 0; i < open.points.size(); ++i) open.points[i].envelope = secret.envelopes[i].octets;
  return {};
}

}  // namespace

Status keep(OpenTransfer& open, const std::string& peer) {
  if (!open.in->is_staged()) return open.in->checkpoint({}, {});
  POSTERN_TRY(std::string note, note_of(open, peer));
  POSTERN_TRY(Bytes secret, secret_of(open));
  if (note.size() > kStagedNote || secret.size() > kStagedNote) {
    note.clear();
    secret.clear();
  }
  return open.in->checkpoint(std::move(note), std::move(secret));
}

Result<std::vector<KeptTransfer>> kept(StagingArea& staging) {
  std::vector<KeptTransfer> out;
  POSTERN_TRY(const std::vector<StagedFacts> all, staging.kept());
  for (const StagedFacts& facts : all) {
    auto transfer = asleep(facts);
    if (transfer) {
      out.push_back(*std::move(transfer));
      continue;
    }
    log::info("x400.staged_dropped", {{"message", facts.message.get()}, {"reason", transfer.error()}});
    POSTERN_TRY(const bool there, staging.forget(facts.message));
    static_cast<void>(there);
  }
  return out;
}

Status wake(OpenTransfer& open, const TransferInOptions& options, StagingArea& staging) {
  Front front;
  POSTERN_TRY(auto staged, staging.resume(open.asleep, [&front](ByteView octets) { front.take(octets); }));
  POSTERN_TRY(const SavedSecret secret, asn1::decode<SavedSecret>(staged->secret(), stored_form_options()));
  POSTERN_CHECK(take_secret(open, secret));
  POSTERN_TRY(mts::ApduReader reader, mts::ApduReader::restore(secret.reader.octets, options.limits));
  POSTERN_TRY(reader.envelope(), front.envelope());
  open.in = std::make_unique<TransferIn>(options, staging, std::move(staged), std::move(reader), open.octets);
  return {};
}

}  // namespace postern::mhs
