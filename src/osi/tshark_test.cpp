// tshark as the independent judge: what these engines put on the wire, dissected by it, has the fields that were sent and nothing
// malformed.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "osi/cotp.hpp"
#include "osi/session.hpp"
#include "osi/spdu.hpp"

namespace postern::osi {
namespace {

Bytes hex(std::string_view text) { return hex_decode(text).value(); }
// User data is what the presentation layer would send, as small as it can be: CP and CPA in normal mode, and one PDV list.
const Bytes kPresentationConnect = hex("3107a003800101a200");
const Bytes kPdv =
    hex("6109300702010"
        "1a0020500");

/// An initiator and a responder, every TSDU a packet of its own in the transcript of the initiator.
class Wire {
 public:
  explicit Wire(SessionOptions options = {}, TransportOptions transport = {})
      : m_a(Transport::open(transport, SteadyTime(), [this](Direction d, ByteView octets) { m_text += hex_dump(d, octets); }).value()),
        m_b(Transport::open(responder(transport), SteadyTime()).value()),
        a(with(options, SessionRole::Initiator), SteadyTime()),
        b(with(options, SessionRole::Responder), SteadyTime()) {
    exchange();
    EXPECT_TRUE(m_b.accept());
    exchange();
  }

  template <class Primitive>
  void ask(Session& side, Primitive primitive) {
    const auto result = side.request(std::move(primitive), SteadyTime());
    EXPECT_TRUE(result) << result.error().text();
    pump();
  }
  void connect(FunctionalUnits units, bool with_data = true) {
    SConnect connect;
    connect.identifier = {to_bytes("reference"), hex("170d3236303130313030303030305a"), {1}};
    connect.calling_selector = to_bytes("from");
    connect.called_selector = to_bytes("to");
    connect.requirements = units;
    if (with_data) connect.user_data = kPresentationConnect;
    ask(a, connect);
    SConnectAccept accept;
    accept.identifier = {to_bytes("answer"), {}, {}};
    accept.responding_selector = to_bytes("to");
    accept.requirements = units;
    if (with_data) accept.user_data = kPresentationConnect;
    ask(b, accept);
    EXPECT_TRUE(a.connected());
  }
  void pump() {
    for (bool moved = true; moved;) moved = move(a, m_a, m_b, b) || move(b, m_b, m_a, a);
    while (a.next_event() || b.next_event()) continue;
  }

  [[nodiscard]] const std::string& text() const { return m_text; }
  [[nodiscard]] const std::vector<Bytes>& tsdus() const { return m_tsdus; }

 private:
  static SessionOptions with(SessionOptions options, SessionRole role) {
    options.role = role;
    return options;
  }
  static TransportOptions responder(TransportOptions options) {
    options.role = TransportRole::Responder;
    options.reference = 2;
    return options;
  }
  void exchange() {
    m_b.receive(m_a.take_output(), SteadyTime());
    if (const Bytes back = m_b.take_output(); !back.empty()) m_a.receive(back, SteadyTime());
    while (m_a.next_event() || m_b.next_event()) continue;
  }
  bool move(Session& from, Transport& out, Transport& in, Session& to) {
    const auto tsdu = from.take_tsdu();
    if (!tsdu) return false;
    m_tsdus.push_back(*tsdu);
    EXPECT_TRUE(out.send(*tsdu));
    in.receive(out.take_output(), SteadyTime());
    while (auto event = in.next_event())
      if (const auto* data = std::get_if<TData>(&*event)) to.receive(data->tsdu, SteadyTime());
    return true;
  }

  std::string m_text;
  std::vector<Bytes> m_tsdus;
  Transport m_a, m_b;

 public:
  Session a, b;
};

// --- Running the judge

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  std::array<char, 4096> buffer{};
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) text.append(buffer.data(), size);
  pclose(pipe);
  return text;
}

bool have_tshark() { return std::system("command -v tshark text2pcap >/dev/null 2>&1") == 0; }

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

/// A folder that goes with the test.
struct Folder {
  std::filesystem::path path;
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "osi-tshark-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

std::string dissect(const Folder& folder, const std::string& transcript, const std::string& arguments) {
  const std::string base = (folder.path / "t").string();
  std::ofstream(base + ".txt") << transcript;
  EXPECT_EQ(std::system(("text2pcap -q -D -T 40000,102 " + base + ".txt " + base + ".pcap >/dev/null 2>&1").c_str()), 0);
  return output_of("tshark -r " + base + ".pcap -o tcp.check_checksum:FALSE --disable-protocol t125 " + arguments + " 2>/dev/null");
}

// --- What is expected of one TSDU, in the judge's words

struct Fields {
  std::string types, serials, activities, requirements, versions, tokens, calling, called, references, enclosures, complaints;
  bool operator==(const Fields&) const = default;
};

std::string joined(std::string& list, const std::string& more) { return list += (list.empty() ? "" : ",") + more; }
std::string in_hex(std::uint32_t value, int digits) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%0*x", digits, value);
  return text;
}

int identifier_of(SpduKind kind) {
  Bytes octets;
  write_spdu(octets, Spdu{.kind = kind,
                          .called_reference = {},
                          .calling_reference = {},
                          .common_reference = {},
                          .additional_information = {},
                          .old_activity = {},
                          .protocol_options = {},
                          .tsdu_maximum = {},
                          .versions = {},
                          .initial_serial = {},
                          .token_settings = {},
                          .sync_type = {},
                          .tokens = {},
                          .transport_disconnect = {},
                          .requirements = {},
                          .enclosure = {},
                          .activity = {},
                          .serial = {},
                          .reflected = {},
                          .reason = {},
                          .calling_selector = {},
                          .called_selector = {},
                          .data_overflow = {},
                          .user_data = {}});
  return octets[0];
}

Fields expected(const Bytes& tsdu) {
  Fields fields;
  TsduReader reader(tsdu);
  do {
    const Spdu spdu = reader.next().value();
    joined(fields.types, std::to_string(identifier_of(spdu.kind)));
    if (spdu.serial) joined(fields.serials, std::to_string(*spdu.serial));
    if (spdu.old_activity) joined(fields.activities, hex_encode(*spdu.old_activity));
    if (spdu.activity) joined(fields.activities, hex_encode(*spdu.activity));
    if (spdu.requirements) joined(fields.requirements, in_hex(*spdu.requirements, 4));
    if (spdu.versions) joined(fields.versions, in_hex(*spdu.versions, 2));
    if (spdu.tokens) joined(fields.tokens, in_hex(*spdu.tokens, 2));
    if (spdu.calling_selector) joined(fields.calling, hex_encode(*spdu.calling_selector));
    if (spdu.called_selector) joined(fields.called, hex_encode(*spdu.called_selector));
    if (spdu.common_reference) joined(fields.references, hex_encode(*spdu.common_reference));
    if (spdu.enclosure) joined(fields.enclosures, in_hex(*spdu.enclosure, 2));
  } while (!reader.at_end());
  return fields;
}

constexpr const char* kFields =
    "-Y ses -T fields -E separator='|' -e ses.type -e ses.serial_number -e ses.activity_identifier -e ses.req.flags -e ses.version.flags "
    "-e ses.tken_item.flags -e ses.calling_session_selector -e ses.called_session_selector -e ses.common_reference -e ses.enclosure.flags "
    "-e _ws.malformed -e ses.bad_length -e ses.bad_parameter_length -e ses.parameter_group_inside_parameter_group -e ses.segment.error";

Fields fields_of(const std::string& line) {
  std::array<std::string, 11> cells;
  std::istringstream in(line);
  for (std::size_t i = 0; i < 10; ++i) std::getline(in, cells[i], '|');
  std::getline(in, cells[10]);
  if (cells[10] == "||||") cells[10].clear();  // Five fields of complaints, all empty.
  return {cells[0], cells[1], cells[2], cells[3], cells[4], cells[5], cells[6], cells[7], cells[8], cells[9], cells[10]};
}

std::string shown(const Fields& f) {
  return f.types + "|" + f.serials + "|" + f.activities + "|" + f.requirements + "|" + f.versions + "|" + f.tokens + "|" + f.calling + "|" +
         f.called + "|" + f.references + "|" + f.enclosures + "|" + f.complaints;
}

void judge(const Wire& wire) {
  if (!have_tshark()) FAIL() << "tshark and text2pcap are not installed";
  const Folder folder;
  const std::vector<std::string> lines = lines_of(dissect(folder, wire.text(), kFields));
  ASSERT_EQ(lines.size(), wire.tsdus().size());
  for (std::size_t i = 0; i < lines.size(); ++i)
    EXPECT_EQ(shown(fields_of(lines[i])), shown(expected(wire.tsdus()[i]))) << hex_encode(wire.tsdus()[i]);
}

TEST(Tshark, TransportConnection) {
  if (!have_tshark()) FAIL() << "tshark and text2pcap are not installed";
  TransportOptions options;
  options.calling = to_bytes("me");
  options.called = to_bytes("x400n");
  options.max_tpdu = 2048;
  options.reference = 0x1234;
  const Wire wire({}, options);
  const Folder folder;
  EXPECT_EQ(dissect(folder, wire.text(),
                    "-Y cotp -T fields -E separator='|' -e cotp.type -e cotp.srcref -e cotp.destref -e cotp.src-tsap -e cotp.dst-tsap -e "
                    "cotp.tpdu_size -e cotp.class"),
            "0x0e|0x1234|0x0000|me|x400n|2048|0\n0x0d|0x0002|0x1234|||2048|0\n");
}

TEST(Tshark, AnActivityAndTheTurn) {
  Wire wire;
  wire.connect(kRtseUnits);
  wire.ask(wire.a, SActivityStart{hex("020101"), {}});
  wire.ask(wire.a, SData{kPdv});
  wire.ask(wire.a, SSyncMinor{});
  wire.ask(wire.b, SSyncMinorResponse{1, {}});
  wire.ask(wire.a, SSyncMinor{false, 0, {}});
  wire.ask(wire.a, SActivityEnd{});
  wire.ask(wire.b, SActivityEndResponse{});
  wire.ask(wire.b, STokenPlease{Tokens::of(Token::Data, Token::MajorActivity), {}});
  wire.ask(wire.a, SControlGive{});
  wire.ask(wire.b, SActivityStart{hex("020102"), {}});
  wire.ask(wire.a, SUExceptionReport{ExceptionReason::ReceivingAbilityJeopardized, {}});
  wire.ask(wire.b, SActivityInterrupt{ExceptionReason::LocalUserError});
  wire.ask(wire.a, SActivityInterruptResponse{});
  wire.ask(wire.b, SActivityResume{hex("020103"), hex("020102"), 4, {}, {}, {}, {}, {}});
  wire.ask(wire.b, SActivityDiscard{});
  wire.ask(wire.a, SActivityDiscardResponse{});
  wire.ask(wire.b, STokenGive{Tokens::of(Token::Data, Token::SynchronizeMinor, Token::MajorActivity)});
  wire.ask(wire.a, SRelease{});
  wire.ask(wire.b, SReleaseResponse{});
  EXPECT_GE(wire.tsdus().size(), 22U);
  judge(wire);
}

TEST(Tshark, DuplexMajorPointsAndNegotiatedRelease) {
  Wire wire;
  wire.connect(FunctionalUnits::of(FunctionalUnit::Duplex, FunctionalUnit::MajorSynchronize, FunctionalUnit::NegotiatedRelease));
  wire.ask(wire.a, SData{kPdv});
  wire.ask(wire.a, SSyncMajor{});
  wire.ask(wire.b, SSyncMajorResponse{});
  wire.ask(wire.a, SRelease{});
  wire.ask(wire.b, SReleaseResponse{false, {}});
  wire.ask(wire.a, SUAbort{});
  judge(wire);
}

TEST(Tshark, SegmentsAndVersion1) {
  SessionOptions options;
  options.max_tsdu_in = options.max_tsdu_out = 64;
  Wire wire(options);
  wire.connect(kRoseUnits);
  // One PDV list of 200 octets, in TSDUs of 64.
  Bytes pdv =
      hex("6181c83081c50201"
          "01a081bf0481bc");
  append(pdv, Bytes(0xBC, 'd'));
  wire.ask(wire.a, SData{pdv});
  EXPECT_GE(wire.tsdus().size(), 5U);
  judge(wire);
  SessionOptions old;
  old.versions = kSessionVersion1;
  Wire version1(old);
  version1.connect(kRtseUnits);
  version1.ask(version1.a, SActivityStart{hex("01"), {}});
  version1.ask(version1.a, SActivityEnd{});
  judge(version1);
}

TEST(Tshark, RefusalsAndProviderAborts) {
  SessionOptions options;
  options.selector = to_bytes("other");
  Wire refused(options);
  SConnect connect;
  connect.called_selector = to_bytes("to");
  refused.ask(refused.a, connect);
  EXPECT_TRUE(refused.a.closed());
  judge(refused);
  Wire aborted;
  aborted.connect(kRoseUnits);
  aborted.b.receive(hex("0100"
                        "2d00"),
                    SteadyTime());
  aborted.pump();
  judge(aborted);
}

TEST(Tshark, TheJudgeComplainsWhereItShould) {
  if (!have_tshark()) FAIL() << "tshark and text2pcap are not installed";
  Wire wire;
  wire.connect(kRtseUnits);
  const Bytes lie = hex("0300001002f08001002d05290a020101");  // An activity identifier that says 10 octets, and 3 are there.
  const Folder folder;
  const std::vector<std::string> lines = lines_of(dissect(folder, wire.text() + hex_dump(Direction::Out, lie), kFields));
  ASSERT_FALSE(lines.empty());
  EXPECT_FALSE(fields_of(lines.back()).complaints.empty()) << lines.back();
}

}  // namespace
}  // namespace postern::osi
