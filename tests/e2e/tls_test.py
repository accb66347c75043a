"""A cluster under mutual TLS, and strangers at its door."""

import os
import socket
import ssl
import struct
import threading
import unittest

from support import DEADLINE_S, BistroTest, job

CONFIG = """
[scheduler]
data_dir = "state"
[nodes]
levels = ["db"]
[[nodes.sources]]
source = "range_label"
parent_level = "instance"
format = "db{i}"
start = 1
end = 20
[network]
secret_file = "tls/cluster.secret"
[network.tls]
ca = "tls/ca.pem"
certificate = "tls/scheduler.pem"
key = "tls/scheduler.key"
"""


def member(name, folder="tls", certificates="tls"):
    return f"""
[worker]
shard = "w"
secret_file = "{folder}/cluster.secret"
[worker.tls]
ca = "{certificates}/ca.pem"
certificate = "{certificates}/{name}.pem"
key = "{certificates}/{name}.key"
"""


# Of CAF's protocol.
HEADER_BYTES = 32
SERVER_HANDSHAKE, CLIENT_HANDSHAKE, DIRECT_MESSAGE, ROUTED_MESSAGE, _, _, HEARTBEAT = range(7)


def header(operation, payload_bytes, receiver=0, flags=0, request=0, sender=0):
    return struct.pack(">4BIQQQ", operation, 0, 0, flags, payload_bytes, request, sender, receiver)


def sized(text):
    assert len(text) < 128
    return bytes([len(text)]) + text


class Tls(BistroTest):
    def setUp(self):
        super().setUp()
        self.bistro("tls", "init")
        self.write("c.toml", CONFIG + job("j", "true"))
        self.write("worker.toml", member("worker"))
        self.write("client.toml", member("client"))
        self.scheduler = self.start("scheduler", "c.toml")
        self.wait_until(lambda: "listens on" in self.read(self.scheduler.log), "a scheduler")
        self.address = self.read(self.scheduler.log).split("listens on ")[1].split()[0]

    def status(self, code=0, config="client.toml"):
        arguments = ("--config", config) if config else ()
        return self.bistro("status", *arguments, "--scheduler", self.address, code=code)

    def test_a_cluster_works_while_strangers_knock(self):
        worker = self.start("worker", "worker.toml", "--scheduler", self.address)
        host, port = self.address.split(":")
        enough = threading.Event()

        def knock():
            """One after the other, each until it is shown the door: a queue of them would be another matter."""
            while not enough.is_set():
                with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as stranger:
                    stranger.sendall(b"let me in" * 20)
                    try:
                        while stranger.recv(1000):
                            pass
                    except ConnectionError:
                        pass
                    knocks.append(1)

        knocks = []
        strangers = [threading.Thread(target=knock) for _ in range(4)]
        for stranger in strangers:
            stranger.start()
        try:
            self.wait_until(lambda: "20 done" in self.status()[0], "the tasks")
            for _ in range(10):
                self.status()
        finally:
            enough.set()
            for stranger in strangers:
                stranger.join()
        self.assertGreater(len(knocks), 20)
        self.assertEqual(self.read(worker.log).count("has joined"), 1, "it never lost its connection")
        self.assertEqual(self.stop(worker), 0)
        self.assertEqual(self.stop(self.scheduler), 0)

    def test_who_does_not_belong_learns_why_and_gets_nothing(self):
        self.assertIn("mutual TLS", self.status(code=3, config=None)[1])
        self.wait_until(lambda: "does not speak TLS" in self.read(self.scheduler.log), "word of it")
        self.bistro("tls", "init", "other")
        self.write("other.toml", member("client", certificates="other"))
        self.assertIn("its certificate is not good here", self.status(code=3, config="other.toml")[1])
        self.wait_until(lambda: "it does not accept the certificate" in self.read(self.scheduler.log), "word of it")
        # A client that trusts the scheduler, which does not trust it.
        self.write("mixed.toml", member("client", certificates="other").replace("other/ca.pem", "tls/ca.pem"))
        self.assertIn("does not hold against", self.status(code=3, config="mixed.toml")[1])
        self.write("both.pem", self.read("other/ca.pem") + self.read("tls/ca.pem"))
        self.write("mixed.toml", member("client", certificates="other").replace("other/ca.pem", "both.pem"))
        self.assertIn("it does not accept the certificate", self.status(code=3, config="mixed.toml")[1])
        self.wait_until(lambda: "its certificate is not good here" in self.read(self.scheduler.log), "word of it")
        self.write("secret.toml", member("client", folder="other"))
        self.assertIn("its secret is not that of this scheduler", self.status(code=3, config="secret.toml")[1])
        self.assertIn("its secret is not that of this scheduler", self.read(self.scheduler.log))
        self.write("impostor.toml", member("worker", folder="other"))
        impostor = self.start("worker", "impostor.toml", "--scheduler", self.address)
        self.assertEqual(impostor.wait(timeout=60), 3)
        self.assertIn("its secret is not that of this scheduler", self.read(impostor.log))
        self.assertIn("20 waiting", self.status()[0])

    def connection_of_a_member_without_the_secret(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.path("tls/ca.pem"))
        context.load_cert_chain(self.path("tls/client.pem"), self.path("tls/client.key"))
        host, port = self.address.split(":")
        return context.wrap_socket(socket.create_connection((host, int(port)), timeout=DEADLINE_S))

    def greeted(self):
        """A connection as above, with the name of the scheduler's node and the number of its gateway."""
        stranger = self.connection_of_a_member_without_the_secret()
        with stranger.makefile("rb") as frames:
            length = struct.unpack(">4xI24x", frames.read(HEADER_BYTES))[0]
            greeting = frames.read(length)
        name = b"generic-caf-app"
        at = greeting.index(name)
        one_name_of_that_length = 2
        gateway = struct.unpack_from(">Q", greeting, at + len(name))[0]
        return stranger, greeting[:at - one_name_of_that_length], gateway

    def assert_shown_the_door(self, stranger):
        try:
            while stranger.recv(10_000):
                pass
        except ConnectionError:
            pass

    def assert_nobody_was_late(self):
        """Who was shown the door was so for what it did: the deadline would have ended all of them."""
        self.assertNotIn("in time", self.read(self.scheduler.log))

    def wait_for_answer(self, member, question):
        member.sendall(question)
        with member.makefile("rb") as frames:
            operation = None
            while operation != DIRECT_MESSAGE:
                frame = frames.read(HEADER_BYTES)
                self.assertEqual(len(frame), HEADER_BYTES, "it has lost its connection")
                operation, length = struct.unpack(">B3xI24x", frame)
                frames.read(length)

    def test_who_floods_keeps_out_only_those_of_his_own_address(self):
        host, port = self.address.split(":")
        most = 256
        silent = [socket.create_connection((host, int(port)), timeout=DEADLINE_S, source_address=("127.0.0.9", 0))
                  for _ in range(most + 20)]
        self.assertIn("20 waiting", self.status()[0])
        for first in silent[:20]:
            self.assert_shown_the_door(first)
        self.wait_until(lambda: "too many connect from there" in self.read(self.scheduler.log), "word of it")
        self.assert_nobody_was_late()
        silent[-1].setblocking(False)
        with self.assertRaises(BlockingIOError, msg="the last ones have time still"):
            silent[-1].recv(1)
        self.assertEqual(self.stop(self.scheduler), 0)
        for each in silent:
            each.close()

    def test_who_never_greets_costs_nothing(self):
        """CAF remembers whoever sends something from no node."""
        asked = b"\0\0\0" + sized(b"@<>+bistro::protocol_asked") + struct.pack(">I", 7)
        stranger, _, gateway = self.greeted()
        with stranger:
            stranger.sendall(header(DIRECT_MESSAGE, len(asked), gateway, 0, 0x1000000000000001, 77) + asked)
            self.assert_shown_the_door(stranger)
        self.assert_nobody_was_late()
        self.assertIn("what nobody has to send", self.read(self.scheduler.log))
        self.assertIn("20 waiting", self.status()[0])

    def test_a_silent_handshake_has_a_deadline(self):
        host, port = self.address.split(":")
        with socket.create_connection((host, int(port)), timeout=DEADLINE_S) as silent:
            self.assert_shown_the_door(silent)
        self.wait_until(lambda: "did not finish the TLS handshake in time" in self.read(self.scheduler.log), "word of it")

    def test_a_peer_that_ends_behind_the_handshake_is_told_of_as_such(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_verify_locations(self.path("tls/ca.pem"))
        context.load_cert_chain(self.path("tls/scheduler.pem"), self.path("tls/scheduler.key"))
        with socket.create_server(("127.0.0.1", 0)) as listener:
            def accept_and_end():
                context.wrap_socket(listener.accept()[0], server_side=True).close()

            server = threading.Thread(target=accept_and_end)
            server.start()
            address = "127.0.0.1:" + str(listener.getsockname()[1])
            self.assertIn("behind the TLS handshake", self.bistro("status", "--config", "client.toml", "--scheduler", address, code=3)[1])
            server.join()

    def test_the_process_ends_whatever_others_do(self):
        """A peer that asks much and reads nothing; a host that does not answer."""
        certain, node, gateway = self.greeted()
        name = node[:-8] + b"whatever"
        secret = sized(self.read("tls/cluster.secret").strip().encode())
        told = b"\0\0\0" + sized(b"@<>+bistro::secret_told") + secret
        asked = b"\0\0\0" + sized(b"@<>+bistro::jobs_asked") + secret
        greeting = header(CLIENT_HANDSHAKE, len(name)) + name + header(CLIENT_HANDSHAKE, len(name), 0, 2) + name
        certain.sendall(greeting + header(DIRECT_MESSAGE, len(told), gateway) + told)
        certain.settimeout(1)
        try:
            for number in range(20_000):
                certain.sendall(header(DIRECT_MESSAGE, len(asked), gateway, 0, 0x1000000000000001 + number, 1) + asked)
        except OSError:
            pass
        with socket.socket() as full, socket.socket() as first, socket.socket() as second:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for waiting in (first, second):
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
            worker = self.start("worker", "worker.toml", "--scheduler", f"127.0.0.1:{full.getsockname()[1]}")
            self.wait_until(lambda: "waiting for the scheduler" in self.read(worker.log), "a try")
            self.assertEqual(self.stop(worker), 0)
        self.assertEqual(self.stop(self.scheduler), 0)
        certain.close()

    def test_a_certificate_without_the_secret_is_not_enough(self):
        """What whoever speaks CAF's own protocol could do, were it let in."""
        worker = self.start("worker", "worker.toml", "--scheduler", self.address)
        self.wait_until(lambda: "20 done" in self.status()[0], "the tasks")
        first, node, gateway = self.greeted()
        first.close()
        unframed_text = b"\0\0\0" + sized(b"@<>+@str") + sized(b"let me in")
        link_to_itself = b"\0\0\0" + sized(b"@<>+@atom+@strong_actor_ptr") + bytes(8) + bytes(8) + node
        refused = {
            "gigabytes": header(DIRECT_MESSAGE, 3_000_000_000, gateway),
            "more than strangers may": header(DIRECT_MESSAGE, 100_000, gateway),
            "for others": header(ROUTED_MESSAGE, 100, gateway),
            "as if it were the scheduler": header(SERVER_HANDSHAKE, 0) + header(SERVER_HANDSHAKE, len(node)) + node,
            "a greeting without a name": header(CLIENT_HANDSHAKE, 0),
            "the name of the scheduler": header(CLIENT_HANDSHAKE, len(node)) + node,
            "no question": header(DIRECT_MESSAGE, len(unframed_text), gateway) + unframed_text,
            "a link": header(DIRECT_MESSAGE, len(link_to_itself), gateway) + link_to_itself,
            "a flood": header(HEARTBEAT, 0) * 200,
        }
        for what, sent in refused.items():
            with self.subTest(what):
                stranger, _, _ = self.greeted()
                with stranger:
                    stranger.sendall(sent)
                    self.assert_shown_the_door(stranger)
        with self.subTest("in the name of a member, which does not lose its connection"):
            name = node[:-8] + b"whatever"
            greeting = header(CLIENT_HANDSHAKE, len(name)) + name + header(CLIENT_HANDSHAKE, len(name), 0, 2) + name
            told = b"\0\0\0" + sized(b"@<>+bistro::secret_told") + sized(self.read("tls/cluster.secret").strip().encode())
            asked = b"\0\0\0" + sized(b"@<>+bistro::jobs_asked") + sized(b"wrong")
            some_request = 0x1000000000000001
            mine, _, _ = self.greeted()
            stranger, _, _ = self.greeted()
            with mine, stranger:
                mine.sendall(greeting + header(DIRECT_MESSAGE, len(told), gateway) + told)
                self.wait_for_answer(mine, header(DIRECT_MESSAGE, len(asked), gateway, 0, some_request, 1) + asked)
                stranger.sendall(greeting + header(DIRECT_MESSAGE, len(asked), gateway) + asked)
                self.assert_shown_the_door(stranger)
                self.wait_for_answer(mine, header(DIRECT_MESSAGE, len(asked), gateway, 0, some_request, 1) + asked)
        with self.subTest("what is for other actors is not looked at"):
            stranger, _, _ = self.greeted()
            with stranger:
                for actor_of_caf in range(1, 10):
                    stranger.sendall(header(DIRECT_MESSAGE, 4, actor_of_caf) + b"junk")
                self.assertIn("20 done", self.status()[0])
        self.assert_nobody_was_late()
        self.assertIn("what nobody has to send", self.read(self.scheduler.log))
        self.assertEqual(self.read(worker.log).count("has joined"), 1)
        self.assertNotIn("lost", self.read(worker.log))
        with open(f"/proc/{self.scheduler.pid}/status") as f:
            peak_kib = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
        self.assertLess(peak_kib, 200_000)
        self.assertEqual(self.stop(worker), 0)
        self.assertEqual(self.stop(self.scheduler), 0)

    def test_who_belongs_is_not_taken_for_a_stranger(self):
        worker = self.start("worker", "worker.toml", "--scheduler", self.address)
        self.wait_until(lambda: "20 done" in self.status()[0], "the tasks")
        self.assertEqual(self.stop(worker), 0)
        self.assertEqual(self.stop(self.scheduler), 0)
        for word in ("refused", "ended the connection"):
            self.assertNotIn(word, self.read(self.scheduler.log))

    def test_a_client_never_takes_stored_statuses_for_the_truth_while_a_scheduler_runs(self):
        self.assertIn("mutual TLS", self.bistro("jobs", code=3)[1])
        self.write("typo.toml", member("client") + "certifcate = 'x'\n")
        self.assertIn('did you mean "certificate"?', self.status(code=2, config="typo.toml")[1])
        self.assertIn("No such file", self.status(code=2, config="missing.toml")[1])
        self.write("own.toml", member("client").replace("[worker]", f'[worker]\nscheduler = "{self.address}"'))
        self.assertIn("20 waiting", self.bistro("status", "--config", "own.toml")[0])
        self.environment["BISTRO_SCHEDULER"] = self.address
        self.assertIn("20 waiting", self.bistro("status", "--config", "client.toml")[0])
        self.stop(self.scheduler)
        self.assertIn("no scheduler runs", self.bistro("status", "--config", "c.toml")[0])

    def test_files_that_are_not_good_are_refused(self):
        os.chmod(self.path("tls/client.key"), 0o644)
        self.assertIn("chmod 600", self.status(code=3)[1])
        os.rename(self.path("tls/worker.key"), self.path("tls/client.key"))
        self.assertIn("is not the key of", self.status(code=3)[1])
        self.write("tls/client.key", "", mode=0o600)
        self.assertIn("client.key is missing or empty", self.status(code=3)[1])
        os.chmod(self.path("tls/cluster.secret"), 0o640)
        self.assertIn("cluster.secret must belong to you", self.bistro("worker", "worker.toml", code=3)[1])


if __name__ == "__main__":
    unittest.main()
