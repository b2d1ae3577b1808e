// The chain of the engine's audit, wired as the daemon has it: what was written verifies, what was changed is named.
#include "engine/audit_check.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "engine/audit_chain.hpp"
#include "engine/key_engine.hpp"
#include "store/test_support.hpp"

namespace postern::engine {
namespace {

namespace fs = std::filesystem;
using Kind = BlockFault::Kind;

class AuditCheckTest : public ::testing::Test {
 protected:
  AuditCheckTest() {
    config.storage.data_dir = (dir.path() / "var").string();
    fs::create_directories(config.storage.data_dir);
    file = config.in_data_dir("audit/engine.jsonl");
  }
  /// An engine's life with some requests in it.
  void live(int requests = 3) {
    auto engine = KeyEngine::open(config, {}, clock);
    ASSERT_TRUE(engine) << engine.error().text();
    for (int i = 0; i < requests; ++i) {
      vault::Request request;
      request.id = "00000000-0000-4000-8000-000000000000";
      request.operation = vault::Operation::Read;
      request.path = "sys/mounts";
      request.token = token();
      request.remote_address = "127.0.0.1";
      EXPECT_EQ((*engine)->core().handle(std::move(request)).status, 200);
    }
  }
  [[nodiscard]] std::string token() const {
    std::ifstream in(config.in_keeper_dir("engine.token"));
    std::string line;
    std::getline(in, line);
    return line;
  }
  [[nodiscard]] EngineAuditVerdict verdict() const {
    auto out = verify_engine_audit(config, {});
    if (!out) throw std::runtime_error(out.error().text());
    return *std::move(out);
  }
  [[nodiscard]] std::vector<Kind> kinds() const {
    std::vector<Kind> out;
    for (const AuditFileVerdict& each : verdict().files) {
      for (const BlockFault& fault : each.faults) out.push_back(fault.kind);
    }
    return out;
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    std::ifstream in(file);
    std::vector<std::string> out;
    for (std::string line; std::getline(in, line);) out.push_back(line);
    return out;
  }
  void write(const std::vector<std::string>& lines) const {
    std::ofstream out(file, std::ios::trunc);
    for (const std::string& line : lines) out << line << '\n';
  }
  void run_sql(const char* sql) const {
    DatabaseOptions options;
    options.path = config.in_keeper_dir("engine.db");
    auto database = Database::open(options);
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->execute(sql));
  }

  test::TemporaryDirectory dir;
  SystemClock clock;
  config::Config config;
  std::string file;
};

TEST_F(AuditCheckTest, EveryLineOfTwoLivesIsInTheChain) {
  live();
  live();
  const EngineAuditVerdict found = verdict();
  EXPECT_TRUE(found.whole());
  ASSERT_EQ(found.files.size(), 1U);
  EXPECT_EQ(found.files[0].file, file);
  EXPECT_EQ(found.files[0].lines, lines().size());
  EXPECT_EQ(found.files[0].young_bytes + found.files[0].found_lines + found.files[0].absent_lines, 0U);
  EXPECT_GE(found.chain.entries, 2U);
}

TEST_F(AuditCheckTest, OneChangedLineIsNamed) {
  live();
  const std::size_t first = lines().size();
  live();
  auto changed = lines();
  changed[first].replace(changed[first].find("127.0.0.1"), 9, "127.0.0.9");
  write(changed);
  const EngineAuditVerdict found = verdict();
  EXPECT_FALSE(found.whole());
  ASSERT_EQ(found.files[0].faults.size(), 1U);
  const BlockFault& fault = found.files[0].faults[0];
  EXPECT_EQ(fault.kind, Kind::Altered);
  EXPECT_EQ(fault.file, file);
  EXPECT_EQ(fault.block.first_line, first + 1);
  EXPECT_EQ(fault.block.last_line, changed.size());
}

TEST_F(AuditCheckTest, RemovedAndInsertedLinesAndACutAreFound) {
  live();
  const auto whole = lines();
  auto changed = whole;
  changed.erase(changed.begin() + 1);
  write(changed);
  EXPECT_FALSE(kinds().empty());
  changed = whole;
  changed.insert(changed.begin() + 1, whole[0]);
  write(changed);
  EXPECT_EQ(kinds().at(0), Kind::Altered);
  write({whole[0]});
  EXPECT_EQ(kinds(), std::vector{Kind::Missing});
  write({});
  EXPECT_EQ(kinds(), std::vector{Kind::Missing});
  fs::remove(file);
  EXPECT_EQ(kinds(), std::vector{Kind::Missing});
  write(whole);
  EXPECT_TRUE(kinds().empty());
}

TEST_F(AuditCheckTest, AChangedRecordBreaksTheChain) {
  live();
  live();
  live();
  run_sql("UPDATE audit SET facts = replace(facts, '\"first_line\"', '\"First_line\"') WHERE seq = 2");
  EXPECT_EQ(verdict().chain.fault->kind, AuditFault::Kind::Altered);
  EXPECT_EQ(verdict().chain.fault->sequence, 2U);
  EXPECT_FALSE(verdict().whole());
}

TEST_F(AuditCheckTest, ARecordCutOffFromTheEndIsMissed) {
  live();
  live();
  run_sql("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)");
  EXPECT_EQ(verdict().chain.fault->kind, AuditFault::Kind::Truncated);
}

TEST_F(AuditCheckTest, TheMailSidesChainCannotStandIn) {
  EXPECT_NE(audit_genesis(AuditChain::Engine).hash, audit_genesis(AuditChain::Mail).hash);
  live();
  DatabaseOptions options;
  options.path = config.in_keeper_dir("engine.db");
  auto database = Database::open(options);
  ASSERT_TRUE(database);
  ASSERT_TRUE(database->execute("PRAGMA application_id = 0"));  // read as the mail side's, its beginning is another
  EXPECT_EQ(verify_audit(*database)->fault->sequence, 1U);
}

TEST_F(AuditCheckTest, RotatedFilesAreCheckedAndAbsentOnesAreCounted) {
  live();
  const std::size_t first = lines().size();
  fs::rename(file, file + ".1");
  live();
  EXPECT_TRUE(verdict().whole());
  EXPECT_EQ(verdict().files[0].read, (std::vector{file + ".1", file}));
  EXPECT_EQ(verdict().files[0].lines, first + lines().size());
  fs::rename(file + ".1", file + ".1.gz");
  EXPECT_TRUE(verdict().whole());
  EXPECT_EQ(verdict().files[0].absent_lines, first);
  fs::rename(file + ".1.gz", file + ".1");
  std::fstream(file + ".1", std::ios::in | std::ios::out) << "X";
  EXPECT_EQ(kinds(), std::vector{Kind::Altered});
  EXPECT_EQ(verdict().files[0].faults[0].file, file + ".1");
}

TEST_F(AuditCheckTest, ANewFileRightAfterTheRotationIsYoung) {
  live();
  fs::rename(file, file + ".1");
  write({"not chained yet"});
  EXPECT_TRUE(verdict().whole());
  EXPECT_EQ(verdict().files[0].young_bytes, 16U);
}

TEST_F(AuditCheckTest, WhatStandsBehindTheLastBlockIsSaid) {
  live();
  const std::size_t before = lines().size();
  std::ofstream(file, std::ios::app) << "who wrote this\n";
  EXPECT_TRUE(verdict().whole());
  EXPECT_EQ(verdict().files[0].young_bytes, 15U);
  live();
  EXPECT_TRUE(verdict().whole());
  EXPECT_EQ(verdict().files[0].found_lines, 1U);
  EXPECT_EQ(verdict().files[0].lines, lines().size());
  auto changed = lines();
  changed[before] = "who wrote that";
  write(changed);
  EXPECT_EQ(kinds(), std::vector{Kind::Altered});
}

TEST_F(AuditCheckTest, TheDataDirectoryMayBeMoved) {
  live();
  const std::string moved = (dir.path() / "moved").string();
  fs::rename(config.storage.data_dir, moved);
  config.storage.data_dir = moved;
  EXPECT_TRUE(verdict().whole());
  live();
  EXPECT_TRUE(verdict().whole());
  EXPECT_EQ(verdict().files[0].file, moved + "/audit/engine.jsonl");
  EXPECT_EQ(verdict().files[0].absent_lines, 0U);
}

TEST_F(AuditCheckTest, WithoutTheChainNothingIsSaid) {
  config.engine.audit_chain = false;
  live();
  EXPECT_TRUE(verdict().files.empty());
  EXPECT_EQ(verdict().chain.entries, 0U);
  config.engine.audit_chain = true;  // from here on, and what is there is covered as found
  const std::size_t before = lines().size();
  live();
  EXPECT_TRUE(verdict().whole());
  EXPECT_EQ(verdict().files[0].found_lines, before);
}

TEST_F(AuditCheckTest, WhatCannotBeChainedIsRefusedWithTheWayOut) {
  config.engine.audit_file = "/dev/null";
  const auto refused = KeyEngine::open(config, {}, clock);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text().find("engine.audit.chain = false"), std::string::npos) << refused.error().text();
  config.engine.audit_chain = false;
  live();
}

TEST_F(AuditCheckTest, APortOutlivesItsDatabase) {
  SealedStoreOptions options;
  options.data_dir = config.in_keeper_dir("");
  std::shared_ptr<SqliteSealedStore> store = SqliteSealedStore::open(std::move(options)).value();
  const BlockPort port = chain_port(store);
  const AuditRecord record = record_of({"/f", 1, 1, 0, 2, {}}, clock.now());
  EXPECT_TRUE(port(record));
  store.reset();
  EXPECT_EQ(port(record).error().code, ErrorCode::Unavailable);
  EXPECT_EQ(verdict().chain.entries, 1U);
}

TEST_F(AuditCheckTest, NoEngineHasBeenHere) { EXPECT_EQ(verify_engine_audit(config, {}).error().code, ErrorCode::NotFound); }

}  // namespace
}  // namespace postern::engine
