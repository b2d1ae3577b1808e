// tshark as the judge: what it reads in the shared capture is what we read, and what we write in place of a captured APDU it dissects
// without a complaint. Skipped where tshark or the capture is absent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <sstream>

#include <unistd.h>

#include "mts/rules_recipient.hpp"
#include "mts/rules_report.hpp"
#include "mts/testing/capture.hpp"
#include "mts/testing/samples.hpp"
#include "mts/transfer_stream.hpp"

namespace postern::mts {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// tshark's standard output over a capture.
std::string dissected(const std::filesystem::path& pcap, const std::string& arguments) {
  const std::string command =
      "tshark -n -r '" + pcap.string() + "' -d tcp.port==20001,tpkt -d tcp.port==20002,tpkt " + arguments + " 2>/dev/null";
  std::string out;
  std::FILE* pipe = ::popen(command.c_str(), "r");
  if (pipe == nullptr) return out;
  char buffer[4096];
  while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, pipe)) out.append(buffer, n);
  ::pclose(pipe);
  return out;
}

/// One IPv4 packet of the capture.
struct Packet {
  std::uint16_t from = 0, to = 0;
  Bytes payload;
};

std::vector<Packet> packets_of(ByteView pcap) {
  std::vector<Packet> packets;
  for (std::size_t at = 24; at + 16 <= pcap.size();) {
    const std::size_t length = pcap[at + 8] | pcap[at + 9] << 8 | pcap[at + 10] << 16;
    const ByteView ip = pcap.subspan(at + 16, length).subspan(14);
    at += 16 + length;
    const ByteView tcp = ip.first(static_cast<std::size_t>(ip[2] << 8 | ip[3])).subspan(static_cast<std::size_t>(ip[0] & 15) * 4);
    const ByteView data = tcp.subspan(static_cast<std::size_t>(tcp[12] >> 4) * 4);
    if (data.empty()) continue;
    packets.push_back({static_cast<std::uint16_t>(tcp[0] << 8 | tcp[1]), static_cast<std::uint16_t>(tcp[2] << 8 | tcp[3]),
                       Bytes(data.begin(), data.end())});
  }
  return packets;
}

void put16(Bytes& out, std::size_t n) { append(out, Bytes{static_cast<Byte>(n >> 8), static_cast<Byte>(n)}); }
void put32(Bytes& out, std::uint32_t n) {
  put16(out, n >> 16);
  put16(out, n & 0xFFFF);
}
void put_le32(Bytes& out, std::size_t n) {
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<Byte>(n >> 8 * i));
}

/// The packets with TCP sequence numbers of their own.
Bytes capture_of(std::span<const Packet> packets) {
  Bytes out;
  put_le32(out, 0xA1B2C3D4);
  append(out, Bytes{2, 0, 4, 0});
  for (const std::size_t n : {0, 0, 65535 * 4, 1}) put_le32(out, n);
  std::map<std::uint16_t, std::uint32_t> sent;  // by sender
  for (const Packet& packet : packets) {
    Bytes frame(12, 2);
    put16(frame, 0x0800);
    append(frame, Bytes{0x45, 0});
    put16(frame, 40 + packet.payload.size());
    append(frame, Bytes{0, 0, 0, 0, 64, 6, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1});
    put16(frame, packet.from);
    put16(frame, packet.to);
    put32(frame, sent.try_emplace(packet.from, 1).first->second);
    put32(frame, sent.try_emplace(packet.to, 1).first->second);
    append(frame, Bytes{0x50, 0x18, 0xFF, 0xFF, 0, 0, 0, 0});
    append(frame, packet.payload);
    sent[packet.from] += static_cast<std::uint32_t>(packet.payload.size());
    for (const std::size_t n : {std::size_t{0}, std::size_t{0}, frame.size(), frame.size()}) put_le32(out, n);
    append(out, frame);
  }
  return out;
}

Bytes enclosed(asn1::Tag tag, bool constructed, ByteView content) {
  Bytes out;
  asn1::write_header(out, tag, constructed, content.size());
  append(out, content);
  return out;
}

/// TPKT, data TPDU, GIVE TOKENS and DATA TRANSFER, PDV list, OCTET STRING of RTSE, EXTERNAL: as PP sends it, with definite lengths.
Bytes tpkt_of(const MTSApdu& apdu) {
  Bytes pdv{0x02, 0x01, 0x03};
  append(pdv, enclosed(asn1::context(0), true, enclosed(asn1::universal(4), false, encode_apdu(apdu, 5).value())));
  Bytes tsdu{1, 0, 1, 0};
  append(tsdu, enclosed(asn1::application(1), true, enclosed(asn1::universal(16), true, pdv)));
  Bytes out{3, 0};
  put16(out, tsdu.size() + 7);
  append(out, Bytes{2, 0xF0, 0x80});
  append(out, tsdu);
  return out;
}

bool carries_message(ByteView octets) {
  const Bytes begin{0x01, 0x00, 0x01, 0x00, 0x61, 0x80, 0x30, 0x80, 0x02, 0x01, 0x03};
  return std::ranges::search(octets, begin).begin() != octets.end();
}

/// Activity start and end, which stand in the same packet, stay around it.
Bytes replaced(ByteView payload, const Bytes& tpkt) {
  Bytes out;
  while (payload.size() >= 4) {
    const ByteView each = payload.first(std::min(payload.size(), static_cast<std::size_t>(payload[2] << 8 | payload[3])));
    append(out, carries_message(each) ? ByteView(tpkt) : each);
    payload = payload.subspan(each.size());
  }
  return out;
}

class Tshark : public ::testing::Test {
 protected:
  void SetUp() override {
    shared = testing::x400_data() / "pp-p1-1988-normal.pcap";
    pcap = testing::read_file(shared);
    if (pcap.empty()) GTEST_SKIP() << "no shared captures at " << testing::x400_data();
    if (std::system("tshark --version >/dev/null 2>&1") != 0) FAIL() << "no tshark";
  }
  /// The first connection with a message, its APDU replaced by ours.
  std::filesystem::path with(const MTSApdu& apdu) {
    const std::vector<Packet> all = packets_of(pcap);
    const auto message =
        std::ranges::find_if(all, [](const Packet& packet) { return packet.to == 20002 && carries_message(packet.payload); });
    std::vector<Packet> kept;
    for (const Packet& packet : all) {
      if (packet.from != message->from && packet.to != message->from) continue;
      kept.push_back(packet);
      if (carries_message(packet.payload)) kept.back().payload = replaced(packet.payload, tpkt_of(apdu));
    }
    const auto path = std::filesystem::temp_directory_path() / ("postern-mts-" + std::to_string(::getpid()) + ".pcap");
    const Bytes octets = capture_of(kept);
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(octets.data()), static_cast<std::streamsize>(octets.size()));
    return path;
  }
  /// -V of the APDU, after nothing in the capture was complained of.
  std::string judged(const MTSApdu& apdu) {
    const auto path = with(apdu);
    EXPECT_EQ(dissected(path, "-Y '_ws.malformed || (_ws.expert.severity >= 6291456 && !tcp.analysis.flags)'"), "");
    std::string text = dissected(path, "-Y p1 -V -O p1,p22");
    EXPECT_THAT(text, HasSubstr("MTS-APDU"));
    std::filesystem::remove(path);
    return text;
  }
  Bytes captured_content() const {
    return std::get<Message>(asn1::decode<MTSApdu>(testing::p1_apdus(pcap).at(0)).value().value).content.octets;
  }

  std::filesystem::path shared;
  Bytes pcap;
};

TEST_F(Tshark, ReadsTheSameFieldsInTheCapture) {
  std::istringstream lines(dissected(shared,
                                     "-Y 'p1.content_identifier' -T fields -e p1.local_identifier -e p1.content_identifier "
                                     "-e p1.per_recipient_indicators -e p1.priority"));
  std::vector<std::string> read;
  for (std::string line; std::getline(lines, line);)
    read.push_back(line.substr(0, line.find('\t')) + " " + line.substr(line.find('\t') + 1));
  std::vector<std::string> ours;
  for (const Bytes& octets : testing::p1_apdus(pcap)) {
    const auto apdu = asn1::decode<MTSApdu>(octets).value();
    const auto& envelope = std::get<Message>(apdu.value).envelope;
    ours.push_back(envelope.message_identifier.local_identifier.octets + " " + envelope.content_identifier->octets);
  }
  ASSERT_EQ(read.size(), ours.size());
  std::ranges::sort(read);
  std::ranges::sort(ours);
  for (std::size_t i = 0; i < read.size(); ++i) EXPECT_THAT(read[i], ::testing::StartsWith(ours[i]));
}

TEST_F(Tshark, DissectsAMessageWithExtensions) {
  Message message{testing::envelope(), Content(captured_content())};
  MessageTransferEnvelope& envelope = message.envelope;
  envelope.priority = Priority::Urgent;
  envelope.per_message_indicators = {PerMessageIndicator::AlternateRecipientAllowed, PerMessageIndicator::ContentReturnRequest};
  ASSERT_TRUE(set_extension<StandardExtension::LatestDeliveryTime>(envelope.extensions, Time::at(testing::kNow + 60)));
  ASSERT_TRUE(set_extension<StandardExtension::ContentCorrelator>(envelope.extensions, {asn1::Ia5String("mine")}));
  ASSERT_TRUE(
      set_extension<StandardExtension::ConversionWithLossProhibited>(envelope.extensions, ConversionWithLossProhibited::Prohibited));
  ASSERT_TRUE(
      set_extension<StandardExtension::DlExpansionHistory>(envelope.extensions, {{testing::name_of("List"), Time::at(testing::kNow)}}));
  ASSERT_TRUE(set_extension<StandardExtension::RequestedDeliveryMethod>(envelope.per_recipient_fields[0].extensions,
                                                                        {DeliveryMethod::MhsDelivery, DeliveryMethod::PhysicalDelivery}));
  ASSERT_TRUE(note_arrival(trace_of(envelope), testing::here_of("OTHER", "mta-x"), Time::at(testing::kNow + 1), ArrivalFrom::OtherDomain));
  ASSERT_FALSE(
      redirect(envelope, 1, testing::name_of("Deputy"), RedirectionReason::RecipientAssignedAlternateRecipient, Time::at(testing::kNow)));
  const std::string text = judged({message});
  EXPECT_THAT(text,
              AllOf(HasSubstr("local-identifier: mta-a-1"), HasSubstr("priority: urgent (2)"), HasSubstr("content-identifier: hello")));
  EXPECT_THAT(text, AllOf(HasSubstr("latest-delivery-time"), HasSubstr("mine"), HasSubstr("conversion-with-loss-prohibited (1)")));
  EXPECT_THAT(text, AllOf(HasSubstr("S=Deputy"), HasSubstr("redirection-reason: recipient-assigned-alternate-recipient (0)")));
  EXPECT_THAT(text, AllOf(HasSubstr("mta-name: mta-x"), HasSubstr("physical-delivery"), HasSubstr("X.420 Information Object")));
}

TEST_F(Tshark, DissectsAReport) {
  auto subject = testing::envelope();
  subject.per_recipient_fields[0].per_recipient_indicators.set(PerRecipientIndicator::OriginatorReport);
  subject.per_recipient_fields[0].per_recipient_indicators.set(PerRecipientIndicator::OriginatingMTAReport);
  const std::vector outcomes{
      delivered(0, Time::at(testing::kNow + 5)),
      not_delivered(1, {NonDeliveryReasonCode::UnableToTransfer, NonDeliveryDiagnosticCode::UnrecognisedORName}, "nobody of that name")};
  const Reporting reporting{{testing::domain_of("OTHER"), "report-1"},
                            Time::at(testing::kNow + 6),
                            Time::at(testing::kNow + 2),
                            testing::here_of("OTHER", "mta-x"),
                            {}};
  const auto report = make_report(subject, outcomes, reporting);
  ASSERT_TRUE(report);
  const std::string text = judged({*report});
  EXPECT_THAT(text,
              AllOf(HasSubstr("MTS-APDU: report (1)"), HasSubstr("local-identifier: report-1"), HasSubstr("local-identifier: mta-a-1")));
  EXPECT_THAT(text, AllOf(HasSubstr("non-delivery-reason-code: unable-to-transfer (1)"),
                          HasSubstr("non-delivery-diagnostic-code: unrecognised-OR-name (0)"), HasSubstr("nobody of that name")));
  EXPECT_THAT(text, AllOf(HasSubstr("message-delivery-time: 26-11-26 05:42:05"), HasSubstr("mta-name: mta-x")));
}

TEST_F(Tshark, DissectsAProbe) {
  ProbeTransferEnvelope probe;
  probe.probe_identifier = {testing::domain_of("ACME"), "probe-1"};
  probe.originator_name = testing::name_of("Smith");
  probe.content_type.value = BuiltInContentType::InterpersonalMessaging1988;
  probe.content_length = 123456;
  probe.trace_information = testing::envelope().trace_information;
  probe.per_recipient_fields = {testing::recipient_of("Doe")};
  const std::string text = judged({probe});
  EXPECT_THAT(text, AllOf(HasSubstr("MTS-APDU: probe (2)"), HasSubstr("local-identifier: probe-1"), HasSubstr("content-length: 123456"),
                          HasSubstr("S=Doe")));
}

}  // namespace
}  // namespace postern::mts
