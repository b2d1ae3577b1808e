// tshark as the judge of whole associations: what each profile puts on the wire is dissected down to P1 and P22 without a malformed field
// or an expert warning, and the fields read equal what was sent.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "osi/oids.hpp"
#include "osi/testing/association_pair.hpp"
#include "osi/testing/p1_sample.hpp"

namespace postern::osi {
namespace {

using testing::AssociationPair;

std::string output_of(const std::string& command) {
  std::string text;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return text;
  std::array<char, 4096> buffer{};
  while (const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), pipe)) text.append(buffer.data(), size);
  pclose(pipe);
  return text;
}

/// A transcript as a capture file, and questions to tshark about it.
class Judge {
 public:
  explicit Judge(const std::string& transcript) {
    std::string name = (std::filesystem::temp_directory_path() / "association-tshark-XXXXXX").string();
    m_folder = mkdtemp(name.data());
    const std::string base = (m_folder / "t").string();
    std::ofstream(base + ".txt") << transcript;
    EXPECT_EQ(std::system(("text2pcap -q -D -T 40000,102 " + base + ".txt " + base + ".pcap >/dev/null 2>&1").c_str()), 0);
    m_command = "tshark -r " + base + ".pcap -o tcp.check_checksum:FALSE --disable-protocol t125 ";
  }
  ~Judge() { std::filesystem::remove_all(m_folder); }
  Judge(const Judge&) = delete;
  Judge& operator=(const Judge&) = delete;

  /// One line for each field that stands anywhere: "name=first,second". One run of tshark for all of them.
  [[nodiscard]] std::string fields(const std::vector<std::string>& names) const {
    std::string arguments = "-T fields -E separator='|' -E aggregator=,";
    for (const std::string& name : names) arguments += " -e " + name;
    std::vector<std::string> all(names.size());
    std::istringstream lines(output_of(m_command + arguments + " 2>/dev/null"));
    for (std::string line; std::getline(lines, line);) {
      std::istringstream cells(line);
      std::string cell;
      for (std::size_t i = 0; i < names.size() && std::getline(cells, cell, '|'); ++i)
        if (!cell.empty()) all[i] += (all[i].empty() ? "" : ",") + cell;
    }
    std::string text;
    for (std::size_t i = 0; i < names.size(); ++i)
      if (!all[i].empty()) text += names[i] + "=" + all[i] + "\n";
    return text;
  }
  /// Frames with something malformed, or with an expert's warning (0x600000) or worse.
  [[nodiscard]] std::string complaints() const {
    return output_of(m_command +
                     "-Y '_ws.malformed || _ws.expert.severity >= 0x600000' -T fields -e frame.number -e _ws.expert.message 2>/dev/null");
  }

 private:
  std::filesystem::path m_folder;
  std::string m_command;
};

bool have_tshark() { return std::system("command -v tshark text2pcap >/dev/null 2>&1") == 0; }

#define NEEDS_TSHARK() \
  if (!have_tshark()) FAIL() << "tshark is not installed"

AssociationPair recorded(const AssociationService& service, std::string& transcript, const asn1::Any& bind) {
  AssociationOptions options;
  options.services = {service};
  options.peer = {to_bytes("x400n"), to_bytes("ses"), service.profile == AssociationProfile::RtseX410 ? Bytes() : to_bytes("pres")};
  options.checkpoint_size = 1;
  AssociationOptions responder = options;
  options.transcript = [&transcript](Direction direction, ByteView octets) { transcript += hex_dump(direction, octets); };
  return {options, responder, {{bind}, testing::connection_named("alpha")}};
}

void accept(AssociationPair& pair, const asn1::Any& result) {
  pair.pump();
  ASSERT_NE(pair.b.last<AssociationRequested>(), nullptr);
  ASSERT_TRUE(pair.b.association.accept({{result}}));
  pair.pump();
  ASSERT_TRUE(pair.a.association.open());
}

void transfer(AssociationPair& pair, const Bytes& apdu, bool sized) {
  ASSERT_TRUE(pair.a.association.transfer({0, sized ? std::optional<std::uint64_t>(apdu.size()) : std::nullopt}));
  for (std::size_t at = 0; at < apdu.size();) {
    const std::size_t take = std::min(pair.a.association.wants_octets(), apdu.size() - at);
    if (take > 0) ASSERT_TRUE(pair.a.association.supply(ByteView(apdu).subspan(at, take), at + take == apdu.size()));
    at += take;
    pair.pump();
    if (const auto* point = pair.b.last<RtTransferCheckpoint>()) (void)pair.b.association.confirm_checkpoint(point->point.serial);
    pair.pump();
  }
  ASSERT_TRUE(pair.b.association.confirm_end());
  pair.pump();
}

void release(AssociationPair& pair) {
  ASSERT_TRUE(pair.a.association.release());
  pair.pump();
  ASSERT_TRUE(pair.b.association.answer_release());
  pair.pump();
  ASSERT_NE(pair.a.last<AssociationReleased>(), nullptr);
}

TEST(AssociationTshark, P1NormalModeDownToTheContent) {
  NEEDS_TSHARK();
  std::string transcript;
  auto pair = recorded(mts_transfer(), transcript, testing::mta_bind("mta-a", "secret"));
  accept(pair, testing::mta_bind_result("mta-b", "secret"));
  transfer(pair, testing::p1_message(10), true);
  transfer(pair, testing::p1_message(5000), false);
  release(pair);
  const Judge judge(transcript);
  EXPECT_EQ(judge.complaints(), "");
  const std::size_t small = testing::p1_message(10).size() + external_frame(5, testing::p1_message(10).size()).prefix.size();
  const std::size_t large = testing::p1_message(5000).size() + external_frame(5, std::nullopt).prefix.size() + 4;
  EXPECT_EQ(
      judge.fields({"pres.calling_presentation_selector", "pres.called_presentation_selector", "pres.abstract_syntax_name",
                    "acse.aSO_context_name", "rtse.checkpointSize", "p1.authenticated.initiator-name", "p1.authenticated.responder-name",
                    "rtse.reassembled.length", "p1.MTS_APDU", "p1.local_identifier", "acse.reason"}),
      "pres.called_presentation_selector=" + hex_encode(to_bytes("pres")) +
          "\npres.abstract_syntax_name=2.2.1.0.1,2.6.0.2.12,2.6.0.2.7\nacse.aSO_context_name=2.6.0.1.6,2.6.0.1.6\nrtse.checkpointSize=1,1\n"
          "p1.authenticated.initiator-name=mta-a\np1.authenticated.responder-name=mta-b\nrtse.reassembled.length=" +
          std::to_string(small) + "," + std::to_string(large) + "\np1.MTS_APDU=0,0\np1.local_identifier=id-1,id-1\nacse.reason=0,0\n");
}

/// In X.410-1984 mode the bind stands without the wrapper that remote operations give it.
asn1::Any unwrapped(const asn1::Any& bind) { return {Bytes(bind.ber.begin() + 2, bind.ber.end())}; }

// tshark 4.0 reads the S-DATA of X.410-1984 mode as if it were of normal mode; the bind it reads.
TEST(AssociationTshark, P1InX410Mode) {
  NEEDS_TSHARK();
  for (const AssociationService& service : {mts_transfer_protocol(), mts_transfer_protocol_1984()}) {
    std::string transcript;
    auto pair = recorded(service, transcript, unwrapped(testing::mta_bind("mta-a", "secret")));
    accept(pair, unwrapped(testing::mta_bind_result("mta-b", "secret")));
    release(pair);
    const Judge judge(transcript);
    EXPECT_EQ(judge.complaints(), "");
    EXPECT_EQ(judge.fields({"pres.mode_value", "rtse.applicationProtocol", "p1.authenticated.initiator-name"}),
              "pres.mode_value=0,0\nrtse.applicationProtocol=" + std::to_string(service.application_protocol) +
                  "\np1.authenticated.initiator-name=mta-a\n");
  }
}

TEST(AssociationTshark, RefusalsAndAborts) {
  NEEDS_TSHARK();
  {
    std::string transcript;
    auto pair = recorded(mts_transfer(), transcript, testing::mta_bind("mta-a", "wrong"));
    pair.pump();
    ASSERT_TRUE(pair.b.association.refuse({}));
    pair.pump();
    const Judge judge(transcript);
    EXPECT_EQ(judge.complaints(), "");
    EXPECT_EQ(judge.fields({"acse.result", "rtse.refuseReason"}), "acse.result=1\nrtse.refuseReason=2\n");
  }
  {
    std::string transcript;
    auto pair = recorded(mts_transfer(), transcript, testing::mta_bind("mta-a", "secret"));
    accept(pair, testing::mta_bind_result("mta-b", "secret"));
    pair.a.association.abort(RtseAbortReason::TemporaryProblem);
    pair.pump();
    const Judge judge(transcript);
    EXPECT_EQ(judge.complaints(), "");
    EXPECT_EQ(judge.fields({"acse.abort_source", "rtse.abortReason"}), "acse.abort_source=0\nrtse.abortReason=3\n");
  }
}

TEST(AssociationTshark, InterruptDiscardAndResume) {
  NEEDS_TSHARK();
  std::string transcript;
  auto pair = recorded(mts_transfer(), transcript, testing::mta_bind("mta-a", "secret"));
  accept(pair, testing::mta_bind_result("mta-b", "secret"));
  const Bytes apdu = testing::p1_message(5000);
  ASSERT_TRUE(pair.a.association.transfer({}));
  std::size_t at = 0;
  for (int i = 0; i < 2; ++i) {
    const std::size_t take = pair.a.association.wants_octets();
    ASSERT_TRUE(pair.a.association.supply(ByteView(apdu).subspan(at, take), false));
    at += take;
  }
  pair.pump();
  const ResumePoint kept = pair.b.last<RtTransferCheckpoint>()->point;
  ASSERT_TRUE(pair.b.association.confirm_checkpoint(kept.serial));
  pair.pump();
  ASSERT_TRUE(pair.a.association.interrupt());
  pair.pump();
  const auto* failed = pair.a.last<RtTransferFailed>();
  ASSERT_TRUE(failed != nullptr && failed->point);
  ASSERT_TRUE(pair.a.association.resume({}, *failed->point, false));
  pair.pump();
  ASSERT_TRUE(pair.b.association.accept_resume(kept));
  ASSERT_TRUE(pair.a.association.discard());
  pair.pump();
  EXPECT_EQ(pair.a.count<RtTransferFailed>(), 2U);
  release(pair);
  const Judge judge(transcript);
  EXPECT_EQ(judge.complaints(), "");
  // AS … AI, AIA, AR, AD, ADA by their identifiers (X.225 table 6).
  const std::string types = "," + judge.fields({"ses.type"}) + ",";
  for (const char* each : {",45,", ",25,", ",26,", ",29,", ",57,", ",58,"}) EXPECT_NE(types.find(each), std::string::npos) << each << types;
}

/// MTSBind argument and result are a SET of a name and credentials.
asn1::Any mts_bind(Byte wrapper) {
  return {testing::element(wrapper, testing::element(0x31, testing::joined(testing::element(0x80, "mta-a"),
                                                                           testing::element(0xA2, testing::element(0x16, "secret")))))};
}

TEST(AssociationTshark, RemoteOperations) {
  NEEDS_TSHARK();
  for (const AssociationService& service : {mts_access(), mts_reliable_access()}) {
    std::string transcript;
    const asn1::Any null_value{{5, 0}};
    auto pair = recorded(service, transcript, mts_bind(0xB0));
    accept(pair, mts_bind(0xB1));
    // Cancel-deferred-delivery (X.411 figure 2: 7) has an MTS identifier as argument and an empty result.
    const Bytes country = testing::element(0x61, testing::element(0x13, "DE")), adm = testing::element(0x62, testing::element(0x13, "A"));
    const asn1::Any id{
        testing::element(0x64, testing::joined(testing::element(0x63, testing::joined(country, adm)), testing::element(0x16, "id-1")))};
    ASSERT_TRUE(pair.a.association.invoke(oid::as_msse(), {RoseCode(7), id, {}, OperationClass::Synchronous}));
    pair.pump();
    ASSERT_NE(pair.b.last<RoseInvoked>(), nullptr);
    ASSERT_TRUE(pair.b.association.result(pair.b.last<RoseInvoked>()->invoke_id, RorsApdu::Outcome{RoseCode(7), null_value}));
    pair.pump();
    ASSERT_NE(pair.a.last<RoseResult>(), nullptr);
    const Judge judge(transcript);
    // tshark 4.0 knows the abstract syntaxes of P3 where RTSE carries them, and not where ROSE stands alone.
    const bool reliable = service.profile == AssociationProfile::RoseOverRtse;
    EXPECT_EQ(judge.fields({"ros.present", "p1.local_identifier"}),
              std::string("ros.present=1,1\n") + (reliable ? "p1.local_identifier=id-1\n" : ""))
        << service.name;
    if (reliable) EXPECT_EQ(judge.complaints(), "");
  }
}

// X.411 8.4.2: what the administration port refuses: no command of ours brings it about.
TEST(AssociationTshark, ErrorsOfTheAdministrationPort) {
  NEEDS_TSHARK();
  std::string transcript;
  auto pair = recorded(mts_access(), transcript, mts_bind(0xB0));
  accept(pair, mts_bind(0xB1));
  const Bytes credentials =
      testing::joined(testing::element(0xA0, testing::element(0x16, "old")), testing::element(0xA1, testing::element(0x16, "new")));
  const asn1::Any change{testing::element(0x31, credentials)}, nothing{{0x31, 0}};
  // Register is 1, change-credentials 8; old-credentials-incorrectly-specified 5, new-credentials-unacceptable 6, register-rejected 10.
  for (const auto& [operation, argument, error] : {std::tuple{8, change, 5}, std::tuple{8, change, 6}, std::tuple{1, nothing, 10}}) {
    ASSERT_TRUE(pair.a.association.invoke(oid::as_mase(), {RoseCode(operation), argument, {}, OperationClass::Synchronous}));
    pair.pump();
    ASSERT_NE(pair.b.last<RoseInvoked>(), nullptr);
    ASSERT_TRUE(pair.b.association.error(pair.b.last<RoseInvoked>()->invoke_id, RoseCode(error), {}));
    pair.pump();
  }
  const Judge judge(transcript);
  EXPECT_EQ(judge.fields({"ros.opcode", "ros.errcode", "p1.ia5_string"}),
            "ros.opcode=8,8,1\nros.errcode=5,6,10\np1.ia5_string=secret,secret,old,new,old,new\n");
  EXPECT_EQ(judge.complaints(), "");
}

}  // namespace
}  // namespace postern::osi
