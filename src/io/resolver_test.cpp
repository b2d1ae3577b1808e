#include "io/resolver.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <fstream>
#include <set>
#include <thread>

#include "dns/rdata.hpp"
#include "io/mx.hpp"
#include "io/sockets.hpp"
#include "io/testing/run.hpp"

namespace postern::io {
namespace {

using namespace std::chrono_literals;
using dns::AnswerStatus;
using dns::RecordType;
using ::testing::ElementsAre;
using testing::RunningLoops;

constexpr const char* kZone = R"({"records": {
  "example.com": [{"type":"MX","pref":20,"data":"b.mx.example.com","secure":true}, {"type":"MX","pref":10,"data":"a.mx.example.com","secure":true}],
  "a.mx.example.com": [{"type":"A","data":"192.0.2.1","secure":true}, {"type":"AAAA","data":"2001:db8::1","secure":true}],
  "b.mx.example.com": [{"type":"A","data":"192.0.2.2"}],
  "null.test": [{"type":"MX","pref":0,"data":"."}],
  "implicit.test": [{"type":"A","data":"192.0.2.3"}],
  "empty.test": [{"type":"TXT","data":["nothing here"]}],
  "broken.test": [{"timeout":true}],
  "slow.test": [{"type":"MX","timeout":true}],
  "alias.test": [{"type":"CNAME","data":"example.com"}],
  "dangling.test": [{"type":"MX","pref":10,"data":"nowhere.test"}],
  "half.test": [{"type":"MX","pref":10,"data":"broken.test"}, {"type":"MX","pref":20,"data":"b.mx.example.com"}],
  "sick.test": [{"type":"MX","pref":10,"data":"broken.test"}],
  "equal.test": [{"type":"MX","pref":5,"data":"a.mx.example.com"}, {"type":"MX","pref":5,"data":"b.mx.example.com"}, {"type":"MX","pref":5,"data":"implicit.test"}]
}})";

struct Mx : ::testing::Test {
  RunningLoops loops;
  FixtureResolver resolver{*dns::Fixture::parse(kZone)};
  FixedRandom random;

  Result<MxAnswer> mx(std::string domain, MxOptions options = {}) {
    return loops.run(resolve_mx(resolver, std::move(domain), std::move(options), random));
  }
  static std::vector<std::string> names(const MxAnswer& answer) {
    std::vector<std::string> out;
    for (const auto& host : answer.hosts) out.push_back(host.name);
    return out;
  }
};

TEST_F(Mx, ByPreferenceWithAddressesOfBothFamiliesInTurn) {
  const auto answer = mx("Example.COM");
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->kind, MxAnswer::Kind::Mx);
  EXPECT_TRUE(answer->secure);
  EXPECT_THAT(names(*answer), ElementsAre("a.mx.example.com", "b.mx.example.com"));
  EXPECT_THAT(answer->hosts[0].addresses, ElementsAre(*IpAddress::parse("2001:db8::1"), *IpAddress::parse("192.0.2.1")));
  EXPECT_TRUE(answer->hosts[0].addresses_secure);
  EXPECT_FALSE(answer->hosts[1].addresses_secure);
}

TEST_F(Mx, OneFamilyOnlyWhenAsked) {
  MxOptions options;
  options.use_ipv6 = false;
  EXPECT_THAT(mx("example.com", options)->hosts[0].addresses, ElementsAre(*IpAddress::parse("192.0.2.1")));
}

// RFC 7505 4.1
TEST_F(Mx, NullMxIsDenied) {
  const auto answer = mx("null.test");
  EXPECT_EQ(answer.error().code, ErrorCode::Denied);
  EXPECT_EQ(answer.error().field, "null_mx");
}

// RFC 5321 5.1
TEST_F(Mx, WithoutMxTheDomainItselfIsTheHost) {
  const auto answer = mx("implicit.test");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->kind, MxAnswer::Kind::Implicit);
  EXPECT_THAT(names(*answer), ElementsAre("implicit.test"));
}

TEST_F(Mx, PermanentFailuresAreNotFound) {
  EXPECT_EQ(mx("nowhere.test").error().field, "domain");
  EXPECT_EQ(mx("nowhere.test").error().code, ErrorCode::NotFound);
  EXPECT_EQ(mx("empty.test").error().code, ErrorCode::NotFound);
  EXPECT_EQ(mx("dangling.test").error().field, "mx_hosts");
}

// RFC 5321 5.1: a failed MX lookup is never "no MX".
TEST_F(Mx, FailedLookupsAreTemporary) {
  for (const char* domain : {"broken.test", "slow.test", "sick.test"}) {
    const auto answer = mx(domain);
    ASSERT_FALSE(answer) << domain;
    EXPECT_EQ(answer.error().code, ErrorCode::Unavailable) << domain;
    EXPECT_EQ(answer.error().field, "dns");
  }
}

TEST_F(Mx, AHostThatCannotBeLookedUpIsSkipped) { EXPECT_THAT(names(*mx("half.test")), ElementsAre("b.mx.example.com")); }

TEST_F(Mx, ACnameIsFollowed) {
  const auto answer = mx("alias.test");
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->canonical_name, "example.com");
  EXPECT_EQ(answer->hosts.size(), 2U);
}

TEST_F(Mx, AddressLiterals) {
  EXPECT_EQ(mx("[192.0.2.9]")->hosts.at(0).addresses.at(0).text(), "192.0.2.9");
  EXPECT_EQ(mx("[IPv6:2001:db8::9]")->hosts.at(0).addresses.at(0).text(), "2001:db8::9");
  for (const char* bad : {"[192.0.2]", "[2001:db8::9]", "[IPv6:192.0.2.1]", "[", "[]", "[x", "not a domain", ""}) {
    const auto answer = mx(bad);
    ASSERT_FALSE(answer) << bad;
    EXPECT_TRUE(answer.error().code == ErrorCode::BadInput || answer.error().code == ErrorCode::NotFound) << bad << answer.error().text();
  }
}

// RFC 5321 5.1: "the sender-SMTP MUST randomize them to spread the load"
TEST_F(Mx, EqualPreferencesAreShuffled) {
  std::set<std::string> first;
  for (int i = 0; i < 60; ++i) first.insert(mx("equal.test")->hosts.at(0).name);
  EXPECT_EQ(first.size(), 3U);
}

// RFC 5321 5.1: never to a host of the same or a worse preference than ourselves.
TEST_F(Mx, OurselvesInTheListCutsIt) {
  MxOptions options;
  options.own_names = {"B.mx.example.com"};
  EXPECT_THAT(names(*mx("example.com", options)), ElementsAre("a.mx.example.com"));
  options.own_names = {"a.mx.example.com"};
  EXPECT_EQ(mx("example.com", options).error().field, "mail_loop");
}

TEST_F(Mx, HostsOfASmarthost) {
  EXPECT_EQ(loops.run(resolve_host(resolver, "A.mx.example.com", {}))->addresses.size(), 2U);
  EXPECT_EQ(loops.run(resolve_host(resolver, "192.0.2.7", {}))->addresses.at(0).text(), "192.0.2.7");
  EXPECT_EQ(loops.run(resolve_host(resolver, "nowhere.test", {})).error().code, ErrorCode::NotFound);
  EXPECT_EQ(loops.run(resolve_host(resolver, "broken.test", {})).error().code, ErrorCode::Unavailable);
}

// ---- libunbound, with facts given to it instead of a network

UnboundOptions closed_world() {
  UnboundOptions options;
  options.forwarders = {"127.0.0.1@9"};  // nobody answers there
  options.validate = false;
  options.timeout = 300ms;
  options.local_data = {"example.test. 300 IN MX 10 mx.example.test.", "mx.example.test. 300 IN A 192.0.2.1",
                        "mx.example.test. 300 IN AAAA 2001:db8::1", "example.test. 300 IN TXT \"v=spf1 \" \"-all\""};
  return options;
}

TEST(UnboundResolver, AnswersFromManyLoops) {
  RunningLoops loops(2);
  const auto opened = UnboundResolver::open(closed_world());
  ASSERT_TRUE(opened) << opened.error().text();
  const auto& resolver = *opened;
  for (std::size_t i = 0; i < 2; ++i) {
    const auto mx = testing::run_on(loops.at(i), resolver->query("Example.Test.", RecordType::Mx));
    ASSERT_TRUE(mx) << mx.error().text();
    EXPECT_EQ(mx->status, AnswerStatus::NoError);
    EXPECT_EQ(mx->all<dns::MxData>().at(0).exchange, "mx.example.test");
    EXPECT_FALSE(mx->secure);
  }
  EXPECT_EQ(loops.run(resolver->query("example.test", RecordType::Txt))->all<dns::TxtData>().at(0).joined(), "v=spf1 -all");
  EXPECT_EQ(loops.run(resolver->query("mx.example.test", RecordType::Aaaa))->all<dns::AddressData>().at(0).address.text(), "2001:db8::1");
  EXPECT_EQ(loops.run(resolver->query("mx.example.test", RecordType::Tlsa))->status, AnswerStatus::NoData);
  EXPECT_EQ(loops.run(resolver->query("not..a name", RecordType::A)).error().code, ErrorCode::BadInput);
}

TEST(UnboundResolver, NoServerIsAFailureInTime) {
  RunningLoops loops;
  const auto resolver = *UnboundResolver::open(closed_world());
  const auto before = std::chrono::steady_clock::now();
  const auto answer = loops.run(resolver->query("elsewhere.example", RecordType::A));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 5s);
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->is_temporary_failure());
}

TEST(UnboundResolver, QuestionsInFlightAreBounded) {
  RunningLoops loops;
  UnboundOptions options = closed_world();
  options.max_outstanding = 3;
  options.in_flight = 1;
  const auto resolver = *UnboundResolver::open(options);
  std::size_t exhausted = 0;
  std::vector<std::future<bool>> asked;
  for (int i = 0; i < 20; ++i) {
    asked.push_back(std::async(std::launch::async, [&, i] {
      const auto answer = loops.run(resolver->query("host" + std::to_string(i) + ".example", RecordType::A));
      return !answer && answer.error().code == ErrorCode::Exhausted;
    }));
  }
  for (auto& each : asked) exhausted += each.get();
  EXPECT_GE(exhausted, 1U);
}

TEST(UnboundResolver, ClosingItAnswersWhatIsOutstanding) {
  RunningLoops loops;
  UnboundOptions options = closed_world();
  options.timeout = 60s;
  auto resolver = *UnboundResolver::open(options);
  std::promise<Result<dns::Answer>> got;
  const auto ask = [](UnboundResolver& from, std::promise<Result<dns::Answer>>& out) -> Task<void> {
    out.set_value(co_await from.query("waiting.example", RecordType::A));
  };
  spawn(loops.at(0), ask(*resolver, got), "ask");
  std::this_thread::sleep_for(20ms);
  resolver.reset();
  EXPECT_TRUE(got.get_future().get()->is_temporary_failure());
}

/// A forwarder that has one TXT record for every name; for those with "stream" in them only by TCP; for those with "dead" none at all.
class Forwarder {
 public:
  Forwarder() {
    for (int i = 0; i < 100 && !m_listener; ++i) {  // the port must be free for both
      m_socket = bound(SOCK_DGRAM, 0);
      m_listener = bound(SOCK_STREAM, port_of(m_socket));
    }
    EXPECT_EQ(::listen(m_listener.get(), 1000), 0);
    m_thread = std::thread([this] { run(); });
  }
  ~Forwarder() {
    m_over = true;
    m_thread.join();
  }
  [[nodiscard]] UnboundOptions options() const {
    UnboundOptions out;
    out.forwarders = {"127.0.0.1@" + std::to_string(port_of(m_socket))};
    out.validate = false;
    return out;
  }
  [[nodiscard]] std::size_t asked() const { return m_asked; }

 private:
  struct Stream {
    UniqueFd socket;
    std::string unread;
  };

  static UniqueFd bound(int type, std::uint16_t port) {
    UniqueFd out(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    at.sin_port = htons(port);
    return ::bind(out.get(), reinterpret_cast<sockaddr*>(&at), sizeof at) == 0 ? std::move(out) : UniqueFd();
  }
  static std::uint16_t port_of(const UniqueFd& socket) {
    sockaddr_in at{};
    socklen_t size = sizeof at;
    EXPECT_EQ(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&at), &size), 0);
    return ntohs(at.sin_port);
  }
  static bool has(const std::string& question, const char* word) { return question.find(word) != std::string::npos; }

  /// RFC 1035 4.1: one record, the name by a pointer to the question's, "x" for an hour; or none and TC.
  static std::string reply_to(const std::string& question, bool cut) {
    const std::string asked = question.substr(12, question.find('\0', 12) + 5 - 12);
    if (cut) return question.substr(0, 2) + std::string("\x86\x80\0\1\0\0\0\0\0\0", 10) + asked;
    return question.substr(0, 2) + std::string("\x84\x80\0\1\0\1\0\0\0\0", 10) + asked +
           std::string("\xc0\x0c\0\x10\0\1\0\0\x0e\x10\0\2\1x", 14);
  }

  void run() {
    while (!m_over) {
      std::vector<pollfd> waits{{m_socket.get(), POLLIN, 0}, {m_listener.get(), POLLIN, 0}};
      for (const Stream& one : m_streams) waits.push_back({one.socket.get(), POLLIN, 0});
      if (::poll(waits.data(), waits.size(), 20) < 1) continue;
      if (waits[0].revents != 0) answer_datagram();
      for (std::size_t i = waits.size(); i > 2; --i)
        if (waits[i - 1].revents != 0 && !answer_stream(m_streams[i - 3]))
          m_streams.erase(m_streams.begin() + static_cast<std::ptrdiff_t>(i - 3));
      if (waits[1].revents != 0) m_streams.push_back({UniqueFd(::accept(m_listener.get(), nullptr, nullptr)), {}});
    }
  }

  void answer_datagram() {
    std::array<char, 4096> in{};
    sockaddr_in from{};
    socklen_t size = sizeof from;
    const auto got = ::recvfrom(m_socket.get(), in.data(), in.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    const std::string question(in.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    ++m_asked;
    if (has(question, "dead") && !has(question, "stream")) return;
    if (has(question, "slow")) std::this_thread::sleep_for(300ms);
    const std::string reply = reply_to(question, has(question, "stream"));
    (void)::sendto(m_socket.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from), size);
  }

  /// RFC 1035 4.2.2: questions with their lengths, in pieces of any size. False when the stream is over.
  static bool answer_stream(Stream& stream) {
    std::array<char, 4096> in{};
    const auto got = ::recv(stream.socket.get(), in.data(), in.size(), 0);
    if (got <= 0) return false;
    std::string& all = stream.unread;
    all.append(in.data(), static_cast<std::size_t>(got));
    const auto length = [&] { return all.size() < 2 ? 0 : static_cast<unsigned char>(all[0]) * 256U + static_cast<unsigned char>(all[1]); };
    for (std::size_t size = length(); size != 0 && all.size() >= 2 + size; size = length()) {
      const std::string question = all.substr(2, size);
      all.erase(0, 2 + size);
      if (has(question, "dead")) continue;
      const std::string reply = reply_to(question, false);
      const std::string framed = std::string{'\0', static_cast<char>(reply.size())} + reply;
      (void)::send(stream.socket.get(), framed.data(), framed.size(), MSG_NOSIGNAL);
    }
    return true;
  }

  UniqueFd m_socket, m_listener;
  std::vector<Stream> m_streams;  ///< The thread's.
  std::atomic<bool> m_over{false};
  std::atomic<std::size_t> m_asked{0};
  std::thread m_thread;
};

/// AddressSanitizer keeps what was freed.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kFreedIsGone = false;
#elif defined(__has_feature)
constexpr bool kFreedIsGone = !__has_feature(address_sanitizer);
#else
constexpr bool kFreedIsGone = true;
#endif

std::size_t resident_kib() {
  std::ifstream file("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)) / 1024;
}

/// Questions that nobody waits for here; counts the answers.
Task<void> ask_aside(UnboundResolver& resolver, std::string name, std::atomic<std::size_t>& answered) {
  const auto answer = co_await resolver.query(std::move(name), RecordType::Txt);
  if (answer && !answer->is_temporary_failure()) ADD_FAILURE() << "an answer out of nothing";
  ++answered;
}

TEST(UnboundResolver, WhoAsksWhatIsAskedAlreadyGetsTheSameAnswer) {
  const Forwarder server;
  RunningLoops loops(2);
  const auto resolver = *UnboundResolver::open(server.options());
  std::vector<std::future<bool>> asked;
  for (std::size_t i = 0; i < 50; ++i) {
    asked.push_back(std::async(std::launch::async, [&, i] {
      const auto answer = testing::run_on(loops.at(i % 2), resolver->query("slow.good.example", RecordType::Txt));
      return answer && answer->all<dns::TxtData>().at(0).joined() == "x";
    }));
  }
  for (auto& each : asked) EXPECT_TRUE(each.get());
  EXPECT_LE(server.asked(), 2U) << "the library may ask again while it waits";
}

// One zone whose servers are silent, and a thousand of them: both through the same forwarder, which answers for the rest.
TEST(UnboundResolver, TenThousandQuestionsThatNobodyAnswersHoldUpNoOther) {
  const Forwarder server;
  for (const std::size_t zones : {1U, 1000U}) {
    RunningLoops loops;
    std::atomic<std::size_t> answered{0};
    const std::size_t before = resident_kib();
    {
      const auto resolver = *UnboundResolver::open(server.options());
      EXPECT_TRUE(loops.run(resolver->query("before.example", RecordType::Txt)));  // so that the library knows how near it is
      for (std::size_t i = 0; i < 10000; ++i) {
        const std::string name = "n" + std::to_string(i) + ".dead" + std::to_string(i % zones) + ".example";
        spawn(loops.at(0), ask_aside(*resolver, name, answered), "ask");
      }
      for (int i = 0; i < 20; ++i) {
        const auto good = loops.run(resolver->query("n" + std::to_string(i) + ".good.example", RecordType::Txt));
        ASSERT_TRUE(good) << good.error().text();
        EXPECT_EQ(good->status, AnswerStatus::NoError) << zones << " zones, question " << i;
      }
      if (kFreedIsGone) EXPECT_LT(resident_kib() - before, 100U * 1024) << "of 10,000 questions";
    }
    for (int i = 0; i < 500 && answered < 10000; ++i) std::this_thread::sleep_for(10ms);
    EXPECT_EQ(answered, 10000U) << "each has its answer, and be it that there is none";
  }
}

// Zones whose servers take connections and say nothing there: what has to be asked by TCP elsewhere gets its answer all the same.
TEST(UnboundResolver, SilentStreamsHoldUpNoOther) {
  const Forwarder server;
  RunningLoops loops;
  std::atomic<std::size_t> answered{0};
  {
    const auto resolver = *UnboundResolver::open(server.options());
    EXPECT_TRUE(loops.run(resolver->query("before.example", RecordType::Txt)));
    for (std::size_t i = 0; i < 1000; ++i)
      spawn(loops.at(0), ask_aside(*resolver, "n" + std::to_string(i) + ".deadstream" + std::to_string(i % 3) + ".example", answered),
            "ask");
    for (int i = 0; i < 5; ++i) {
      const auto good = loops.run(resolver->query("n" + std::to_string(i) + ".stream.example", RecordType::Txt));
      ASSERT_TRUE(good) << good.error().text();
      EXPECT_EQ(good->status, AnswerStatus::NoError) << i;
    }
  }
  for (int i = 0; i < 500 && answered < 1000; ++i) std::this_thread::sleep_for(10ms);
  EXPECT_EQ(answered, 1000U);
}

TEST(UnboundResolver, ABadForwarderIsAnErrorThatNamesIt) {
  UnboundOptions options;
  options.forwarders = {"not-an-address"};
  const auto resolver = UnboundResolver::open(options);
  ASSERT_FALSE(resolver);
  EXPECT_THAT(resolver.error().what, ::testing::HasSubstr("not-an-address"));
}

// ---- RDATA

Result<dns::RecordData> decode(RecordType type, std::string_view hex) { return decode_rdata(type, *hex_decode(hex)); }

TEST(Rdata, ReadsEveryType) {
  EXPECT_EQ(std::get<dns::AddressData>(*decode(RecordType::A, "c0000201")).address.text(), "192.0.2.1");
  EXPECT_EQ(std::get<dns::MxData>(*decode(RecordType::Mx, "000a024d58047465737400")).exchange, "mx.test");
  EXPECT_EQ(std::get<dns::MxData>(*decode(RecordType::Mx, "000000")).exchange, "");
  EXPECT_EQ(std::get<dns::TxtData>(*decode(RecordType::Txt, "0161026263")).joined(), "abc");
  const auto tlsa = std::get<dns::TlsaData>(*decode(RecordType::Tlsa, "030101aabb"));
  EXPECT_EQ(tlsa.usage, 3);
  EXPECT_EQ(tlsa.data, (Bytes{0xaa, 0xbb}));
  EXPECT_EQ(std::get<dns::SrvData>(*decode(RecordType::Srv, "0001000200190161047465737400")).target, "a.test");
  EXPECT_EQ(std::get<dns::CaaData>(*decode(RecordType::Caa, "000569737375656361")).value, "ca");
  EXPECT_EQ(std::get<dns::OpaqueData>(*decode(RecordType::Openpgpkey, "99ff")).data.size(), 2U);
}

TEST(Rdata, RefusesWhatIsCutOrTooLong) {
  for (const auto& [type, hex] : std::vector<std::pair<RecordType, const char*>>{{RecordType::A, "c00002"},
                                                                                 {RecordType::A, "c000020100"},
                                                                                 {RecordType::Aaaa, "c0000201"},
                                                                                 {RecordType::Mx, ""},
                                                                                 {RecordType::Mx, "000a"},
                                                                                 {RecordType::Mx, "000a05616263"},
                                                                                 {RecordType::Mx, "000ac00c"},
                                                                                 {RecordType::Mx, "000a03612e6200"},
                                                                                 {RecordType::Txt, "05616263"},
                                                                                 {RecordType::Tlsa, "0301"},
                                                                                 {RecordType::Srv, "000100020019"},
                                                                                 {RecordType::Caa, "00056973"}}) {
    EXPECT_FALSE(decode(type, hex)) << dns::name_of(type) << " " << hex;
  }
}

}  // namespace
}  // namespace postern::io
