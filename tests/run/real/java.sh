set -e
cat >A.java <<'JAVA'
import java.net.*;
import java.nio.file.*;
import java.util.stream.*;

public class A {
    public static void main(String[] arguments) throws Exception {
        IntStream.range(0, 1000000).parallel().mapToLong(i -> i).sum();
        Thread thread = new Thread(() -> System.gc());
        thread.start();
        thread.join();
        ServerSocket server = new ServerSocket(0);
        new Socket("127.0.0.1", server.getLocalPort()).close();
        Files.writeString(Path.of("/tmp/z"), "q");
        new ProcessBuilder("true").start().waitFor();
        System.out.println("java ok");
    }
}
JAVA
javac A.java
java -Xmx256m A
