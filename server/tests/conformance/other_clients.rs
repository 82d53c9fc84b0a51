//! An independent client: tungstenite.

use crate::{client::server, echo::MAX_MESSAGE};
use futures_util::{SinkExt, StreamExt};
use std::net::SocketAddr;
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async_with_config,
    tungstenite::{
        Message,
        protocol::{
            CloseFrame, WebSocketConfig,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

async fn connect(server: SocketAddr) -> Socket {
    let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    connect_async_with_config(format!("ws://{server}/any?path"), Some(config), true)
        .await
        .unwrap()
        .0
}

async fn echoed(socket: &mut Socket, message: Message) {
    socket.send(message.clone()).await.unwrap();
    let echo = socket.next().await.unwrap().unwrap();
    assert!(echo == message, "{} bytes came back for {}", echo.len(), message.len());
}

#[tokio::test]
async fn text_binary_and_pings() {
    let mut socket = connect(server().await).await;
    for message in ["", "ä", "κόσμε", &"🦀".repeat(50_000)] {
        echoed(&mut socket, Message::text(message)).await;
        echoed(&mut socket, Message::binary(message.as_bytes().to_vec())).await;
    }
    socket.send(Message::Ping("are you there?".into())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong("are you there?".into()));
}

#[tokio::test]
async fn sixteen_mebibytes() {
    let mut socket = connect(server().await).await;
    echoed(&mut socket, Message::text("x".repeat(MAX_MESSAGE))).await;
    echoed(&mut socket, Message::binary(vec![0xFF; MAX_MESSAGE])).await;
}

#[tokio::test]
async fn fragments_come_back_as_one_message() {
    let mut socket = connect(server().await).await;
    let parts: [(&[u8], Data, bool); 3] = [
        (b"\xF0\x9F", Data::Text, false),
        (b"\xA6", Data::Continue, false),
        (b"\x80", Data::Continue, true),
    ];
    for (part, opcode, is_last) in parts {
        let fragment = Frame::message(part.to_vec(), OpCode::Data(opcode), is_last);
        socket.send(Message::Frame(fragment)).await.unwrap();
    }
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("🦀"));
}

#[tokio::test]
async fn a_close_is_answered_and_the_connection_ends() {
    let server = server().await;
    let close = |code: u16| CloseFrame { code: CloseCode::from(code), reason: "".into() };
    for frame in [None, Some(close(1000)), Some(close(4321))] {
        let mut socket = connect(server).await;
        socket.close(frame.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::Close(frame));
        assert!(socket.next().await.is_none());
    }
}
