import io
import threading

from gwbricks.sweeps.thread_output import PrintedByThread


def test_each_thread_prints_into_its_own_file_and_the_others_as_usual() -> None:
    usual, files = io.StringIO(), {name: io.StringIO() for name in "ab"}
    printed, meet = PrintedByThread(usual), threading.Barrier(len(files))

    def work(name: str) -> None:
        printed.to(files[name])
        meet.wait()
        print(name, file=printed, flush=True)

    threads = [threading.Thread(target=work, args=name) for name in files]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("main", file=printed)
    assert usual.getvalue() == "main\n"
    assert {name: file.getvalue() for name, file in files.items()} == {
        "a": "a\n",
        "b": "b\n",
    }


def test_flushing_after_the_file_was_closed_is_no_error() -> None:
    printed, file = PrintedByThread(io.StringIO()), io.StringIO()
    printed.to(file)
    file.close()
    printed.flush()
