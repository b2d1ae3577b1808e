#include "recorders/settings.hpp"

#include <gtest/gtest.h>

namespace postern {
namespace {

Result<RecorderPlan> read(std::string_view type, const RecorderSettings& settings, bool allow_raw = false) {
  return read_recorder("audit/", type, settings, allow_raw);
}

TEST(RecorderSettings, FileDefaultsAreSafe) {
  const auto plan = read("file", {{"file_path", "/var/log/a"}});
  ASSERT_TRUE(plan);
  const auto& file = std::get<FileOptions>(plan->sink);
  EXPECT_EQ(file.mode, 0600U);
  EXPECT_EQ(file.sync, FileSync::Second);
  EXPECT_EQ(file.queue.acknowledge, Acknowledge::Queued);
  EXPECT_EQ(file.queue.name, "audit/");
  EXPECT_FALSE(file.blocks);
  EXPECT_TRUE(plan->device.hmac_accessor);
  EXPECT_EQ(plan->device.path, "audit/");
  EXPECT_EQ(plan->device.type, "file");
}

TEST(RecorderSettings, EverythingIsRead) {
  const auto chain = read("chain", {{"file_path", "/a"},
                                    {"mode", "0640"},
                                    {"fsync", "line"},
                                    {"queue_bytes", "65536"},
                                    {"deadline", "250ms"},
                                    {"acknowledge", "drained"},
                                    {"block_lines", "10"},
                                    {"block_seconds", "2s"},
                                    {"prefix", "p "},
                                    {"description", "d"},
                                    {"hmac_accessor", "false"},
                                    {"elide_list_responses", "true"},
                                    {"plain_headers", "User-Agent, X-Id"}});
  ASSERT_TRUE(chain) << chain.error().text();
  const auto& file = std::get<FileOptions>(chain->sink);
  EXPECT_EQ(file.mode, 0640U);
  EXPECT_EQ(file.sync, FileSync::Line);
  EXPECT_EQ(file.queue.deadline.count(), 250);
  EXPECT_EQ(file.blocks->lines, 10U);
  EXPECT_EQ(file.blocks->longest.count(), 2000);
  EXPECT_EQ(chain->device.plain_headers, (std::vector<std::string>{"user-agent", "x-id"}));
  const auto syslog = read("syslog", {{"facility", "local3"}, {"tag", "x"}, {"format", "rfc5424"}});
  EXPECT_EQ(std::get<SyslogOptions>(syslog->sink).facility, 19);
  const auto socket = read("socket", {{"socket_type", "unix"}, {"address", "/run/s"}, {"write_timeout", "1s"}});
  EXPECT_EQ(std::get<SocketOptions>(socket->sink).kind, SocketKind::Unix);
}

TEST(RecorderSettings, FaultsNameTheOption) {
  const auto field = [](std::string_view type, const RecorderSettings& settings) {
    const auto plan = read(type, settings);
    return plan ? std::string("accepted") : plan.error().field;
  };
  EXPECT_EQ(field("http", {}), "type");
  EXPECT_EQ(field("file", {}), "file_path");
  EXPECT_EQ(field("file", {{"file_path", "relative"}}), "file_path");
  EXPECT_EQ(field("chain", {{"file_path", "stdout"}}), "file_path");
  const auto with = [](std::string name, std::string value) {
    return RecorderSettings{{"file_path", "/a"}, {std::move(name), std::move(value)}};
  };
  for (const char* mode : {"0666", "0400", "rw", "", "99", "0x1"}) EXPECT_EQ(field("file", with("mode", mode)), "mode") << mode;
  EXPECT_EQ(field("file", with("fsync", "always")), "fsync");
  for (const char* deadline : {"0", "-1", "1h", "ms", "9999999999999999999ms", "1msx"}) {
    EXPECT_EQ(field("file", with("deadline", deadline)), "deadline") << deadline;
  }
  EXPECT_EQ(field("file", with("queue_bytes", "1")), "queue_bytes");
  EXPECT_EQ(field("file", with("hmac_accessor", "yes")), "hmac_accessor");
  EXPECT_EQ(field("file", with("prefix", "a\nb")), "prefix");
  EXPECT_EQ(field("file", with("block_lines", "5")), "block_lines");
  EXPECT_EQ(field("syslog", {{"facility", "x"}}), "facility");
  EXPECT_EQ(field("syslog", {{"tag", "a b"}}), "tag");
  EXPECT_EQ(field("socket", {}), "address");
  EXPECT_EQ(field("socket", {{"socket_type", "unix"}, {"address", "relative"}}), "address");
}

TEST(RecorderSettings, UnknownOptionsNameTheNearest) {
  const auto plan = read("file", {{"file_path", "/a"}, {"fsnyc", "never"}});
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().field, "fsnyc");
  EXPECT_NE(plan.error().what.find("fsync"), std::string::npos);
}

TEST(RecorderSettings, RawNeedsTheOperatorsWord) {
  const RecorderSettings raw{{"file_path", "/a"}, {"log_raw", "true"}};
  EXPECT_EQ(read("file", raw).error().code, ErrorCode::Denied);
  EXPECT_TRUE(read("file", raw, true)->device.log_raw);
}

TEST(RecorderSettings, PlansOpen) {
  const SystemClock clock;
  const auto recorder = open_recorder(*read("file", {{"file_path", "discard"}}), nullptr, clock);
  ASSERT_TRUE(recorder);
  EXPECT_TRUE((*recorder)->write("x\n"));
  EXPECT_FALSE(open_recorder(*read("chain", {{"file_path", "/nowhere/a"}}), nullptr, clock));
}

}  // namespace
}  // namespace postern
